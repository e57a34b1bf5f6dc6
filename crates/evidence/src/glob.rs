//! Matches a file's name against a store file's glob: `*` within a folder, `**` across folders, `?` one character.

/// Whether a `/`-separated name matches. Everything but `*`, `**` and `?` stands for itself.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // One row of the classic table per glob character: which prefixes of the name match so far.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut i = 0;
    while i < glob.len() {
        let mut next = vec![false; name.len() + 1];
        if glob[i] == '*' {
            let across = glob.get(i + 1) == Some(&'*');
            i += if across { 2 } else { 1 };
            // `**/` also stands for no folder at all.
            let folders = across && glob.get(i) == Some(&'/');
            let mut open = false;
            for at in 0..=name.len() {
                open |= reached[at];
                next[at] = open;
                if at < name.len() && name[at] == '/' && !across {
                    open = false;
                }
            }
            if folders {
                let mut after = vec![false; name.len() + 1];
                for at in 0..=name.len() {
                    after[at] = reached[at] || (at > 0 && name[at - 1] == '/' && next[at - 1]);
                }
                next = after;
                i += 1;
            }
        } else {
            for at in 0..name.len() {
                if reached[at] && (glob[i] == name[at] || (glob[i] == '?' && name[at] != '/')) {
                    next[at + 1] = true;
                }
            }
            i += 1;
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn one_star_stays_in_its_folder_and_two_go_through() {
        for (glob, name, expect) in [
            ("web/access.log*", "web/access.log", true),
            ("web/access.log*", "web/access.log.2.gz", true),
            ("web/access.log*", "web/old/access.log", false),
            ("*.log", "web/access.log", false),
            ("**/*.log", "web/old/access.log", true),
            ("**/*.log", "access.log", true),
            ("**", "a/b/c", true),
            ("web/**", "web/a/b", true),
            ("db/postgresql-????.csv", "db/postgresql-2026.csv", true),
            ("db/postgresql-????.csv", "db/postgresql-20.csv", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("", "", true),
            ("exact", "exact", true),
        ] {
            assert_eq!(matches(glob, name), expect, "{glob} {name}");
        }
    }
}
