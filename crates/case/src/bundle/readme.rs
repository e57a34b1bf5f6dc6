//! `README.txt`: what an export is, how to check it without Stanch, what is not in it and why.

use super::About;
use std::fmt::Write;

/// Columns of the page.
const WIDTH: usize = 98;

pub(super) fn text(about: &About<'_>) -> String {
    let mut page = String::new();
    let wanted = about.wanted;
    let store: String = about.store.chars().filter(|c| !c.is_control()).collect();
    let title = format!("Export of the case {}, for {}", about.case_name, wanted.recipient);
    let _ = writeln!(page, "{title}\n{}\n", "=".repeat(title.chars().count()));
    paragraph(
        &mut page,
        &format!(
            "One incident at the store {store}, as it stood at {}, entry {} of its record of acts. Made by Stanch {}. \
             It holds personal data: keep it as you would the store's customer list.",
            about.as_of,
            about.head.entries,
            env!("CARGO_PKG_VERSION")
        ),
    );
    what_is_in_it(&mut page, about);
    how_to_check(&mut page, about);
    heading(&mut page, "What is not in it, and why");
    for sentence in &about.left_out {
        item(&mut page, sentence);
    }
    page
}

fn what_is_in_it(page: &mut String, about: &About<'_>) {
    heading(page, "What is in it");
    let case = &about.case_name;
    let rows = [
        (about.has_report, "report/index.html", "the report; opens in any browser, holds no customer's data"),
        (about.has_exposure, "exposure/exposure.csv", "who was affected, with what data, how surely, by which proof"),
        (true, "evidence/manifest.json", "every file of evidence: SHA-256, size, who took it in, when, how it is held"),
        (about.has_told, "evidence/acquisitions.json", "where evidence was taken from, by whom, with what"),
        (true, "ledger.jsonl", "every act, in a chain: each line names the SHA-256 of the line before it"),
        (about.signed.is_some(), "ledger.heads.jsonl", "signatures under that chain"),
        (true, "events/", "all that was read, as Parquet; evidence=SHA-256 names the file that it was read from"),
        (true, "case.db", "findings, intruder, timeline, duties (SQLite)"),
    ];
    for (_, name, what) in rows.into_iter().filter(|(there, ..)| *there) {
        let _ = writeln!(page, "  {case}/{name}\n      {what}");
    }
    page.push('\n');
    if about.wanted.with_evidence {
        paragraph(
            page,
            "The evidence itself is in evidence/, each file under its SHA-256; manifest.json says what it was called.",
        );
    }
}

fn how_to_check(page: &mut String, about: &About<'_>) {
    heading(page, "How to check it, without Stanch");
    numbered(page, "1. Nothing was changed or lost since the export was made:");
    page.push_str("     sha256sum -c SHA256SUMS\n\n");
    numbered(
        page,
        "   The SHA-256 of SHA256SUMS itself is in the ledger of the case that this was made of (act case.exported); ask \
         whoever gave it to you.",
    );
    numbered(page, "2. The record of acts is one chain: the hash of each line is what the next one names as prev.");
    let case = quoted(&about.case_name);
    let _ = writeln!(page, "     head -n 1 {case}/ledger.jsonl | tr -d '\\n' | sha256sum\n");
    numbered(page, &format!("   Its last line's hash is {}.", about.head.hash));
    match &about.signed {
        Some(signed) => {
            numbered(
                page,
                &format!(
                    "3. Entry {} was signed at {}. The signature says who vouched for all entries up to it, if you know \
                     from elsewhere that this key is theirs:",
                    signed.entries, signed.at
                ),
            );
            let _ = writeln!(page, "     key {}\n", signed.key);
            page.push_str(
                "     openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in head.txt -sigfile head.sig\n\n",
            );
        }
        None => numbered(page, "3. Nobody signed the record."),
    }
    numbered(
        page,
        "4. Answers of time-stamp authorities, if there are any (timestamps/), each for the head beside it:",
    );
    page.push_str("     openssl ts -verify -data N.head -in N.tsr -CAfile AUTHORITY.pem\n\n");
    heading(page, "With Stanch");
    let _ = writeln!(page, "  stanch --case {case} verify\n");
    paragraph(page, "The folder opens as a case that is only read: verify, report, prove, sql, timeline, duties.");
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

fn heading(page: &mut String, text: &str) {
    let _ = writeln!(page, "{text}\n{}\n", "-".repeat(text.chars().count()));
}

fn paragraph(page: &mut String, text: &str) {
    wrapped(page, text, "", "");
    page.push('\n');
}

/// A step, or what follows one: the first three columns are its number's.
fn numbered(page: &mut String, text: &str) {
    let (number, rest) = text.split_at(3);
    wrapped(page, rest, number, "   ");
    page.push('\n');
}

fn item(page: &mut String, text: &str) {
    wrapped(page, text, "- ", "  ");
}

fn wrapped(page: &mut String, text: &str, first: &str, next: &str) {
    let mut line = first.to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.trim() != "" {
            let _ = writeln!(page, "{}", line.trim_end());
            line = next.to_owned();
        }
        if !line.ends_with(' ') && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(page, "{}", line.trim_end());
}
