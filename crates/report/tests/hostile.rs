//! Whatever a log, a file name or a pack says, it never becomes markup, and nothing unseen reaches a reader.

#![allow(clippy::unwrap_used, reason = "a test says more by failing")]

mod fixture;
mod markup;

use fixture::Copperleaf;
use proptest::prelude::*;
use stanch_report::{CaseView, html, prove, summary};

const PIECES: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='x",
    "</title></style></svg>",
    "<!--",
    "]]>",
    "\u{202e}gpj.exe",
    "\u{1b}[2J\u{7}",
    "\u{0}\r\n",
    "{{ 7 * 7 }}{% raw %}",
    "url(#x)",
    "javascript:alert(1)",
    "\u{feff}\u{200b}\u{e0041}",
    "&lt;&#60;",
];

/// Copperleaf with `text` at the end of every string that comes from outside.
fn soiled(text: &str) -> Copperleaf {
    let mut case = Copperleaf::new();
    let soil = |s: &mut String| s.push_str(text);
    case.matrix.persons.truncate(40);
    case.matrix.cells.retain(|c| c.person < 40);
    case.platform.iter_mut().for_each(soil);
    case.duty_clocks.iter_mut().for_each(|c| {
        if !c.is_empty() {
            soil(c)
        }
    });
    for f in &mut case.files {
        soil(&mut f.path);
        f.format.iter_mut().chain(&mut f.container).chain(&mut f.remarks).chain(&mut f.duplicates).for_each(soil);
        f.unread.iter_mut().for_each(|g| soil(&mut g.reason));
    }
    for f in &mut case.findings {
        [&mut f.title, &mut f.detail, &mut f.detection].into_iter().for_each(soil);
    }
    for i in &mut case.intruder.identities {
        soil(&mut i.value);
        i.reasons.iter_mut().chain(&mut i.only_from).chain(&mut i.by).for_each(soil);
    }
    for m in &mut case.timeline.moments {
        [&mut m.title, &mut m.detail].into_iter().for_each(soil);
    }
    case.timeline.lanes.iter_mut().for_each(|l| soil(&mut l.source));
    for g in &mut case.timeline.gaps {
        [&mut g.source, &mut g.why].into_iter().for_each(soil);
    }
    for s in &mut case.timeline.skews {
        [&mut s.source, &mut s.against].into_iter().chain(&mut s.confirm).for_each(soil);
    }
    for s in &mut case.matrix.shapes {
        [&mut s.id, &mut s.text, &mut s.judged].into_iter().for_each(soil);
    }
    for d in &mut case.matrix.doubts {
        [&mut d.kind, &mut d.detail].into_iter().for_each(soil);
    }
    for s in &mut case.matrix.snapshots {
        [&mut s.role, &mut s.seal.0].into_iter().for_each(soil);
        s.tables = std::mem::take(&mut s.tables).into_iter().map(|(t, n)| (t + text, n)).collect();
    }
    for c in &mut case.matrix.cells {
        c.protection_detail.iter_mut().chain(&mut c.proof.because).for_each(soil);
        [&mut c.proof.table, &mut c.proof.row_key].into_iter().for_each(soil);
    }
    for p in &mut case.matrix.persons {
        soil(&mut p.residence.from);
        p.residence.place.iter_mut().for_each(|p| soil(&mut p.0));
    }
    for d in &mut case.duties {
        [&mut d.id, &mut d.law, &mut d.place, &mut d.title, &mut d.recipient_name, &mut d.counting, &mut d.time_zone]
            .into_iter()
            .for_each(soil);
        d.contents.iter_mut().chain(&mut d.remarks).chain(&mut d.form).chain(&mut d.timing).for_each(soil);
        let conditions = d.floor.conditions.iter_mut().chain(&mut d.ceiling.conditions).chain(&mut d.exemptions);
        conditions.for_each(|c| [&mut c.condition, &mut c.value, &mut c.citation].into_iter().for_each(soil));
        d.sources
            .iter_mut()
            .for_each(|s| [&mut s.citation, &mut s.confidence, &mut s.as_of].into_iter().for_each(soil));
    }
    case
}

fn unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn view<'a>(case: &'a Copperleaf, text: &'a str) -> CaseView<'a> {
    CaseView {
        store_name: text,
        version: text,
        time_zone: text,
        accepted_by: Some(text),
        ledger_head: Some(text),
        ..case.view()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_changes_no_tag_of_the_page(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..5), noise in "\\PC{0,8}") {
        let text = format!("x{}{noise}", pieces.concat());
        let case = soiled(&text);
        let page = html(&view(&case, &text)).unwrap();
        let clean_case = soiled("x");
        let clean = html(&view(&clean_case, "x")).unwrap();
        markup::check(&page);
        prop_assert_eq!(markup::skeleton(&page), markup::skeleton(&clean));
        prop_assert!(!page.chars().any(unseen));

        let lines = summary(&view(&case, &text), 80);
        prop_assert!(lines.lines.iter().all(|l| !l.text.chars().any(|c| unseen(c) || c == '\n')));
        let raw = text.clone();
        let fetch = move |_: &stanch_model::Seal, _: u64, _: u32| Some(raw.clone().into_bytes());
        for person in 0..5 {
            let chain = prove(&view(&case, &text), person, 80, &fetch);
            prop_assert!(chain.lines.iter().all(|l| !l.text.chars().any(|c| unseen(c) || c == '\n')));
        }
    }
}
