//! Tells cargo to build this crate again when a pack file changes, appears or goes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../packs");
}
