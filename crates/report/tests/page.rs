//! The report's page, whole: it holds what it must, harms nobody, and is the same every time.

#![allow(clippy::unwrap_used, reason = "a test says more by failing")]

mod fixture;
mod markup;

use fixture::{Copperleaf, at};
use stanch_model::Personal;
use stanch_model::exposure::{Doubt, INCOMPLETE_EVIDENCE, INCOMPLETE_SNAPSHOT};
use stanch_report::{Role, html, summary};

#[test]
fn the_fixture_is_written_where_a_person_can_look_at_it() {
    let page = html(&Copperleaf::new().view()).unwrap();
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/report-fixture");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("index.html"), &page).unwrap();
    markup::check(&page);
    let empty = html(&Copperleaf::empty().view()).unwrap();
    std::fs::write(dir.join("empty.html"), &empty).unwrap();
    markup::check(&empty);
}

#[test]
fn the_page_is_whole_and_alone() {
    let page = html(&Copperleaf::new().view()).unwrap();
    for id in ["short", "story", "intruder", "exposure", "residence", "duties", "unknown", "method", "evidence"] {
        assert!(page.contains(&format!(r#"<section id="{id}""#)), "{id}");
    }
    for foreign in ["<script", "http://", "https://", "src=", "@import", "<link", "<iframe", "javascript:"] {
        let allowed = if foreign == "https://" { 1 } else { 0 };
        // The one address is in sqlmap's own user agent, as text.
        assert_eq!(page.matches(foreign).count(), allowed, "{foreign}");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
}

#[test]
fn no_personal_data_is_on_the_page_or_the_terminal() {
    let case = Copperleaf::new();
    let (page, lines) = (html(&case.view()).unwrap(), summary(&case.view(), 100).to_string());
    for shown in [page, lines] {
        for person in &case.matrix.persons {
            assert!(!shown.contains(&person.id));
            assert!(!person.email.as_ref().is_some_and(|e| shown.contains(Personal::reveal(e).as_str())));
        }
        assert!(!shown.contains("Quentin"));
        assert!(!shown.contains("20400") && !shown.contains("20 400"), "an account's number");
    }
}

#[test]
fn the_same_case_gives_the_same_bytes_and_the_run_time_stands_only_where_it_is_marked() {
    let mut case = Copperleaf::new();
    let first = html(&case.view()).unwrap();
    assert_eq!(first, html(&case.view()).unwrap());
    case.as_of = at("2027-01-01T00:00:00Z");
    case.duty_clocks.iter_mut().filter(|c| !c.is_empty()).for_each(|c| *c = "overdue".into());
    let later = html(&case.view()).unwrap();
    assert_ne!(first, later);
    assert_eq!(markup::without_run_time(&first), markup::without_run_time(&later));
}

#[test]
fn a_matrix_that_points_at_nobody_is_refused() {
    let mut case = Copperleaf::new();
    case.matrix.persons.truncate(3);
    let error = html(&case.view()).unwrap_err().to_string();
    assert!(error.contains("stanch scope"), "{error}");
}

#[test]
fn an_empty_case_says_that_nothing_is_counted_rather_than_that_nothing_happened() {
    let page = html(&Copperleaf::empty().view()).unwrap();
    assert!(page.contains("This is not a finding that nothing happened."));
}

#[test]
fn the_terminal_says_it_in_one_screenful() {
    let case = Copperleaf::new();
    insta::assert_snapshot!(summary(&case.view(), 96).to_string());
}

#[test]
fn what_was_not_read_whole_is_told_beside_every_number() {
    let part = |page: &str, id: &str| {
        let (_, rest) = page.split_once(&format!(r#"<section id="{id}""#)).unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let whole = html(&Copperleaf::new().view()).unwrap();
    assert!(part(&whole, "short").contains("nobody beyond these") && !whole.contains("Not complete."));
    for (kind, told) in
        [(INCOMPLETE_SNAPSHOT, "people may be missing"), (INCOMPLETE_EVIDENCE, "acts of the intruder may")]
    {
        let mut case = Copperleaf::new();
        let (kind, detail) = (kind.to_owned(), "ends early".to_owned());
        case.matrix.doubts.push(Doubt { kind, detail, count: 1, bytes: 0, raised_ceiling: false, example: None });
        let page = html(&case.view()).unwrap();
        markup::check(&page);
        for id in ["short", "exposure"] {
            assert!(part(&page, id).contains(told), "{id}: {told}");
        }
        assert!(!page.contains("nobody beyond these") && !page.contains("Everyone else is outside both"));
        let lines = summary(&case.view(), 200).lines;
        let at = |text: &str| lines.iter().position(|l| l.text.contains(text)).unwrap();
        assert_eq!((at(told), lines[at(told)].role), (at("(ceiling)") + 1, Role::Warn), "{told}");
        assert_eq!(lines[at("ends early")].role, Role::Warn);
    }
}
