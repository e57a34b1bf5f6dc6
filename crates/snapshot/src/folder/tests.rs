use crate::{Catalog, load};
use stanch_model::store::SnapshotSource;
use std::path::Path;

fn load_folder(folder: &Path) -> crate::SnapshotAccount {
    let source = SnapshotSource { file: None, folder: Some("data".into()), postgres: None, taken_at: None };
    load(&source, folder, &folder.join("out"), &mut |_| {}).unwrap()
}

#[test]
fn each_csv_file_is_a_table_with_the_types_that_all_of_its_cells_have() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(
        data.join("customer.csv"),
        b"id,postcode,email,joined\n1,01067,ann@example.org,2026-03-02\n2,10115,\"bob, the \"\"x\"\"\nsecond\",\n3,short\n4,\xfc,d,2026-01-01\n",
    )
    .unwrap();
    std::fs::write(data.join("orders.csv"), "order;total\n7;12.50\n7;3.00\n").unwrap();
    std::fs::write(data.join("notes.txt"), "x").unwrap();
    let account = load_folder(folder.path());
    let lines: Vec<String> = account
        .tables
        .iter()
        .map(|t| {
            let columns: Vec<String> = t.columns.iter().map(|c| format!("{} {}", c.name, c.stored)).collect();
            format!(
                "{} [{}] rows {} bad {} keys {:?} {:?} {:?}",
                t.name,
                columns.join(", "),
                t.rows,
                t.bad_rows,
                t.keys,
                t.bad,
                t.mended
            )
        })
        .chain(account.remarks.clone())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
        customer [id int, postcode text, email text, joined date] rows 3 bad 1 keys ["id"] [Flaw { reason: "2 cells where 4 were announced", count: 1 }] [Flaw { reason: "a row with bytes that are not UTF-8, these replaced", count: 1 }]
        orders [order int, total decimal(2)] rows 2 bad 0 keys [] [] []
        table "customer": "id" rises from row to row and was taken as its primary key
        "notes.txt" is neither CSV nor Parquet by its ending and was left alone
        "#);
    assert_eq!(Catalog::read(&folder.path().join("out")).unwrap().kind, "folder");
}

#[test]
fn the_seal_follows_content_and_not_the_order_of_files() {
    let seal = |cell: &str| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("a.csv"), format!("x\n{cell}\n")).unwrap();
        std::fs::write(data.join("b.csv"), "x\n1\n").unwrap();
        load_folder(folder.path()).seal
    };
    assert_eq!(seal("1"), seal("1"));
    assert_ne!(seal("1"), seal("2"));
}
