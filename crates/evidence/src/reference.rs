//! The page of formats, written from the packs, so that it cannot say anything else than they do.

use crate::formats::{FormatPack, packs_of};
use stanch_model::evidence::{Counter, Steps};
use stanch_model::{NumberField, Numbering, TextField};
use stanch_packs::{PackError, Packs};
use std::fmt::Write;

/// Markdown that tells of every format: what it is, where it is found, how it is recognised, what its events hold.
///
/// # Errors
/// If a pack is not of its shape.
pub fn reference(packs: &Packs) -> Result<String, PackError> {
    let mut formats = packs_of(packs)?;
    formats.sort_by(|a, b| a.1.title.cmp(&b.1.title));
    let mut page = format!(
        "# Log formats\n\nWritten by a test from the packs under `packs/formats/` (`UPDATE=1 cargo test -p stanch-evidence --lib` \
         rewrites it). {} formats; each proves itself on {} samples in all. A format that is missing can be drafted from a \
         sample: see [an unknown log](../guides/unknown-logs.md).\n\n| format | pack | found |\n|---|---|---|\n",
        formats.len(),
        formats.iter().map(|(_, pack)| pack.samples.len()).sum::<usize>(),
    );
    for (name, pack) in &formats {
        let name = name.trim_start_matches("formats/");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| [{}](#{name}) | `{name}` | {} |", cell(&pack.title), cell(&pack.found));
    }
    for (name, pack) in &formats {
        section(&mut page, name.trim_start_matches("formats/"), pack);
    }
    Ok(page)
}

fn section(page: &mut String, name: &str, pack: &FormatPack) {
    let hostile = pack.samples.iter().filter(|s| s.hostile).count();
    let _ = write!(
        page,
        "\n<a id=\"{name}\"></a>\n## {}\n\n{}\n\n- Pack: `packs/formats/{name}.yaml`\n- Found: {}\n- Recognised by: {}\n- \
         Documented: <{}>\n- Proofs: {} samples, {hostile} of them hostile\n",
        line(&pack.title),
        line(&pack.description),
        line(&pack.found),
        line(&pack.recognised_by),
        line(&pack.source),
        pack.samples.len(),
    );
    if let Some(numbering) = &pack.sequence {
        let _ = writeln!(page, "- Numbers: {}", numbers(numbering));
    }
    if pack.fields.is_empty() {
        return;
    }
    page.push_str("\n| event field | holds |\n|---|---|\n");
    for (field, holds) in &pack.fields {
        let _ = writeln!(page, "| `{field}` | {} |", cell(holds));
    }
}

/// What a format's numbers count, in a line.
fn numbers(numbering: &Numbering) -> String {
    let counts = match numbering.counts {
        Counter::PerSession => "counted in each session from 1 on".to_owned(),
        Counter::PerSource if numbering.by.is_empty() => "one counter".to_owned(),
        Counter::PerSource => {
            let by: Vec<String> = numbering.by.iter().map(|mark| format!("`{}`", mark.field)).collect();
            format!("one counter by {}", by.join(", "))
        }
    };
    let steps = match numbering.steps {
        Steps::One => "each number is there",
        Steps::Rising => "rising, not each number is there",
    };
    let said = [("missing", &numbering.missing), ("begun anew", &numbering.anew)];
    let said = said.iter().filter(|(_, why)| !why.is_empty()).map(|(what, why)| format!("; {what}: {why}"));
    format!("{counts}, {steps}{}", said.collect::<String>())
}

/// Markdown that lists every event field with its column and the names that others have for it.
pub fn field_reference() -> String {
    let mut page = "# Event fields\n\nWritten by a test from the code (`UPDATE=1 cargo test -p stanch-evidence --lib` rewrites it). OCSF \
                    paths; the column is its name in SQL and Parquet. Sigma's and the Elastic Common Schema's names mean the same \
                    in packs.\n\n| OCSF path | column | also known as |\n|---|---|---|\n"
        .to_owned();
    let texts = TextField::ALL.iter().map(|f| (f.ocsf(), f.column(), f.aliases()));
    let numbers = NumberField::ALL.iter().map(|f| (f.ocsf(), f.column(), f.aliases()));
    for (ocsf, column, aliases) in texts.chain(numbers) {
        let aliases: Vec<String> = aliases.iter().map(|a| format!("`{a}`")).collect();
        let _ = writeln!(page, "| `{ocsf}` | `{column}` | {} |", aliases.join(", "));
    }
    page
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(page: &str, name: &str) {
        let path = format!("{}/../../docs/reference/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(page == written, "docs/reference/{name} is out of date: run it with UPDATE=1 and read the difference");
    }

    #[test]
    fn the_page_of_formats_says_what_the_packs_say() {
        holds(&reference(&Packs::shipped()).unwrap(), "formats.md");
    }

    #[test]
    fn the_page_of_event_fields_says_what_the_code_says() {
        holds(&field_reference(), "event-fields.md");
    }
}
