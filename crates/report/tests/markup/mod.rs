//! A reader of markup that is just strict enough to catch what templates get wrong.

#![allow(dead_code, reason = "each test file uses its part")]

const VOID: [&str; 3] = ["meta", "br", "hr"];

/// The tags of a page in order, as `(name, whole tag)`, text and style left out.
pub(crate) fn tags(page: &str) -> Vec<(String, &str)> {
    let mut out = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end = rest.find('>').unwrap_or_else(|| panic!("a tag is not closed: {:.60}", rest));
        let tag = &rest[..=end];
        let name: String = tag[1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        rest = &rest[end + 1..];
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("style ends")..];
        }
        if !tag.starts_with("<!") {
            out.push((name.trim_end_matches('/').to_owned(), tag));
        }
    }
    out
}

/// Fails where tags do not nest, an id stands twice, a reference leads nowhere, or headings skip a level.
pub(crate) fn check(page: &str) {
    let mut open: Vec<String> = Vec::new();
    let (mut ids, mut wanted, mut level) = (Vec::new(), Vec::new(), 0);
    for (name, tag) in tags(page) {
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "closed by {tag}");
            continue;
        }
        if !tag.ends_with("/>") && !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        ids.extend(attribute(tag, " id=").map(str::to_owned));
        wanted.extend(attribute(tag, " href=").map(|h| h.trim_start_matches('#').to_owned()));
        let labels = attribute(tag, " aria-labelledby=").into_iter().flat_map(str::split_whitespace);
        wanted.extend(labels.map(str::to_owned));
        if let Some(n) = name.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) {
            assert!(n <= level + 1, "a heading skips from level {level} to {n}: {tag}");
            level = n;
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands twice");
    for id in wanted {
        assert!(ids.binary_search(&id).is_ok(), "nothing has the id {id}");
    }
}

/// The page's tags without what stands in their attributes, numbers of pictures aside.
pub(crate) fn skeleton(page: &str) -> Vec<String> {
    tags(page)
        .into_iter()
        .map(|(name, tag)| {
            let names: Vec<&str> = tag.split('"').step_by(2).map(|s| s.trim_end_matches('=')).collect();
            format!("{name} {}", names.join(" "))
        })
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let from = tag.find(name)? + name.len() + 1;
    tag[from..].split('"').next()
}

/// The page without the elements that are marked as bearing the run time.
pub(crate) fn without_run_time(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some(at) = rest.find(" data-run-time") {
        let start = rest[..at].rfind('<').expect("it stands in a tag");
        let name = &rest[start + 1..at];
        let close = format!("</{name}>");
        let end = at + rest[at..].find(&close).expect("the element is closed") + close.len();
        out.push_str(&rest[..start]);
        rest = &rest[end..];
    }
    out + rest
}
