//! Names of tables as they are shown, in the catalog, in SQL and in file names.

/// The name under which a table is known: schema-qualified unless in `public`.
pub(crate) fn shown(schema: &str, table: &str) -> String {
    if schema.is_empty() || schema == "public" { table.to_owned() } else { format!("{schema}.{table}") }
}

/// Longest file name, in bytes, that every file system takes, less what the lake puts before an unfinished one.
const FILE_NAME_MAX: usize = 230;

/// The file of a table, or nothing where its name is too long for one (PostgreSQL's own names end at 63 bytes).
pub(crate) fn file_of(table: &str) -> Option<String> {
    Some(stanch_lake::file_name_of(table)).filter(|f| f.len() <= FILE_NAME_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_public_table_goes_by_its_bare_name() {
        assert_eq!(shown("public", "customer"), "customer");
        assert_eq!(shown("crm", "customer"), "crm.customer");
    }

    proptest! {
        #[test]
        fn no_file_name_leaves_its_folder(name in ".{0,80}") {
            if let Some(file) = file_of(&name) {
                prop_assert!(!file.contains(['/', '\\', '\0']) && !file.starts_with("..") && file.len() <= FILE_NAME_MAX);
            }
        }
    }
}
