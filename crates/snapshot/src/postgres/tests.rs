use super::*;

#[test]
fn a_password_is_in_no_error() {
    let out = tempfile::tempdir().unwrap();
    for url in [
        "postgres://shop:s3cret@127.0.0.1:1/shop",
        "postgres://shop:s3cret word=@@/::bad",
        "host=h password=s3cret nonsense",
    ] {
        let error = load(url, None, out.path(), &mut |_| {}).unwrap_err();
        let mut text = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text += &inner.to_string();
            source = inner.source();
        }
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_table_is_read_in_the_order_of_its_key() {
    let relation = describe::Relation::for_test("crm", "we\"ird", &["id", "B"], &["id"]);
    insta::assert_snapshot!(relation.copy_sql(), @r#"COPY (SELECT t."id", t."B" FROM ONLY "crm"."we""ird" AS t ORDER BY t."id") TO STDOUT"#);
    let relation = describe::Relation::for_test("public", "log", &["at"], &[]);
    insta::assert_snapshot!(relation.copy_sql(), @r#"COPY (SELECT t."at" FROM ONLY "public"."log" AS t ORDER BY t::text COLLATE pg_catalog."C") TO STDOUT"#);
}
