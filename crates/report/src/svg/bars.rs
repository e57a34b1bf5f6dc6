//! Floor and ceiling as bars: the floor solid, what lies between it and the ceiling hatched and outlined.

use super::{Anchor, Picture, Share};
use crate::figures::{count, range};
use stanch_model::exposure::Bounds;

const ROW_PX: f64 = 44.0;
const BAR_PX: f64 = 13.0;

/// One bar.
pub(crate) struct Bar {
    /// What it counts.
    pub(crate) label: String,
    /// How long it is.
    pub(crate) bounds: Bounds,
}

/// Bars under each other, the longest possible one filling the width. Nothing for no bars.
pub(crate) fn bars(id: &str, title: &str, rows: &[Bar]) -> String {
    let most = rows.iter().map(|r| r.bounds.ceiling).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut p = Picture::new(id);
    for (i, row) in rows.iter().enumerate() {
        let top = i as f64 * ROW_PX;
        p.text("label", Share(0.0), top + 13.0, Anchor::Start, &row.label);
        p.text("figure", Share(1.0), top + 13.0, Anchor::End, &range(row.bounds));
        draw(&mut p, row.bounds, most, top + 19.0, BAR_PX);
    }
    let longest = rows.iter().max_by_key(|r| r.bounds.ceiling).expect("there is at least one row");
    let description = format!(
        "{} bars; solid is certain, hatched cannot be ruled out. The longest is {}: {} certain, {} not ruled out. \
         The table that follows holds every number.",
        rows.len(),
        longest.label,
        count(longest.bounds.floor),
        count(longest.bounds.ceiling)
    );
    p.described(rows.len() as f64 * ROW_PX, title, &description)
}

/// One thick bar: floor and ceiling of a whole.
pub(crate) fn part_of_whole(id: &str, title: &str, bounds: Bounds, whole: u64) -> String {
    let mut p = Picture::new(id);
    draw(&mut p, bounds, whole.max(bounds.ceiling), 1.0, 26.0);
    let description = format!(
        "Of {} people in the store’s data, {} are certain and {} cannot be ruled out.",
        count(whole),
        count(bounds.floor),
        count(bounds.ceiling)
    );
    p.described(28.0, title, &description)
}

fn draw(p: &mut Picture, b: Bounds, most: u64, y: f64, height: f64) {
    p.rect("rail", Share(0.0), y, Share(1.0), height);
    if b.ceiling > b.floor {
        p.hatched_rect("ceiling", Share(0.0), y, Share::of(b.ceiling, most), height);
    }
    if b.floor > 0 {
        p.rect("floor", Share(0.0), y, Share::of(b.floor, most), height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_solid_over_a_hatched_ceiling() {
        let rows = [Bar { label: "Name".into(), bounds: Bounds { floor: 3, ceiling: 4 } }];
        let svg = bars("b", "Data", &rows);
        insta::assert_snapshot!(svg.split("</defs>").last().unwrap_or_default(), @r#"<text class="label" x="0%" y="13" text-anchor="start">Name</text><text class="figure" x="100%" y="13" text-anchor="end">3 to 4</text><rect class="rail" x="0%" y="19" width="100%" height="13"/><rect class="ceiling" x="0%" y="19" width="100%" height="13" fill="url(#b-hatch)"/><rect class="floor" x="0%" y="19" width="75%" height="13"/></svg>"#);
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(bars("b", "Data", &[]), "");
        assert_eq!(bars("b", "Data", &[Bar { label: "Name".into(), bounds: Bounds::default() }]), "");
    }
}
