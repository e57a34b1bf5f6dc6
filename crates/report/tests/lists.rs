//! The exports and the chain of proof, which do hold names.

#![allow(clippy::unwrap_used, reason = "a test says more by failing")]

mod fixture;

use fixture::Copperleaf;
use stanch_model::{Personal, Seal};
use stanch_report::{Role, exposure_csv, exposure_json, find_persons, prove};

fn small() -> Copperleaf {
    let mut case = Copperleaf::new();
    case.matrix.cells.truncate(2);
    case.matrix.cells.iter_mut().for_each(|c| c.person = 1);
    case.matrix.persons.truncate(2);
    case
}

#[test]
fn the_list_is_one_line_for_each_cell() {
    let mut out = Vec::new();
    assert_eq!(exposure_csv(&small().matrix, &mut out).unwrap(), 2);
    insta::assert_snapshot!(String::from_utf8(out).unwrap().replace("\r\n", "\n"));
}

#[test]
fn a_customer_called_like_a_formula_harms_no_spreadsheet() {
    let mut case = small();
    case.matrix.persons[1].email = Some(Personal::new("=HYPERLINK(\"x\",\"y\")@example.org".to_owned()));
    let mut out = Vec::new();
    exposure_csv(&case.matrix, &mut out).unwrap();
    let mut reader = csv::Reader::from_reader(out.as_slice());
    for row in reader.records() {
        assert_eq!(&row.unwrap()[1], "'=HYPERLINK(\"x\",\"y\")@example.org");
    }
}

#[test]
fn the_document_holds_the_same_as_the_list() {
    let case = Copperleaf::new();
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    assert_eq!(exposure_csv(&case.matrix, &mut csv).unwrap(), exposure_json(&case.matrix, &mut json).unwrap());
    let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let cells = document["cells"].as_array().unwrap();
    for (row, cell) in csv::Reader::from_reader(csv.as_slice()).records().zip(cells) {
        let row = row.unwrap();
        let text = |key: &str| cell[key].as_str().unwrap_or_default();
        for (column, key) in [
            (0, "person"),
            (1, "email"),
            (3, "data_class"),
            (4, "effect"),
            (5, "grade"),
            (7, "first_at"),
            (11, "residence"),
        ] {
            assert_eq!(&row[column], text(key));
        }
        assert_eq!(row[9], cell["accesses"].to_string());
    }
    assert_eq!(document["format"], "stanch-exposure-1");
}

#[test]
fn one_persons_chain_goes_down_to_the_raw_line() {
    let case = small();
    let raw = |_: &Seal, _: u64, _: u32| Some(b"2026-03-03 01:12:40 UTC,\"vendor_x\",\x1b[31mSELECT \xff".to_vec());
    insta::assert_snapshot!(prove(&case.view(), 1, 100, &raw).to_string());
}

#[test]
fn a_raw_line_that_cannot_be_fetched_is_a_warning_and_nobody_has_no_chain() {
    let case = small();
    let page = prove(&case.view(), 1, 100, &|_, _, _| None);
    assert!(page.lines.iter().any(|l| l.role == Role::Warn && l.text.contains("could not be fetched")));
    assert!(prove(&case.view(), 99, 100, &|_, _, _| None).lines.is_empty());
}

#[test]
fn a_person_is_found_by_id_address_or_number() {
    let case = Copperleaf::new();
    let person = &case.matrix.persons[5];
    let mail = person.email.as_ref().unwrap().reveal().to_uppercase();
    for query in [person.id.as_str(), &mail, "20005"] {
        assert_eq!(find_persons(&case.matrix, query), [5], "{query}");
    }
    assert!(find_persons(&case.matrix, "nobody").is_empty());
}
