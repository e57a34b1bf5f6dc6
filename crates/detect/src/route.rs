//! Request targets as routes: the same path with its ids taken out.

use crate::names::Fnv;

/// A target that names one record, or one page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Stands for the template.
    pub(crate) hash: u64,
    /// The record's number.
    pub(crate) id: Option<u64>,
    /// The page's number, or its offset.
    pub(crate) page: Option<u64>,
}

/// The route of a target with an id or a page in it; others are of no use here.
pub(crate) fn route(target: &str) -> Option<Route> {
    let mut hash = Fnv::new();
    let (id, page) = walk(target, &mut |part| hash.push(part.as_bytes()));
    (id.is_some() || page.is_some()).then(|| Route { hash: hash.finish(), id, page })
}

/// The template for people: `/api/customers/{n}/`.
pub(crate) fn template(target: &str) -> String {
    let mut template = String::new();
    walk(target, &mut |part| template.push_str(part));
    template
}

fn walk(target: &str, push: &mut dyn FnMut(&str)) -> (Option<u64>, Option<u64>) {
    let target = without_host(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut id, mut page) = (None, None);
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            push("/");
        }
        if let Some(number) = number(segment) {
            id = Some(number);
            push("{n}");
        } else if is_particular(segment) {
            id = trailing_number(segment).or(id);
            push("{x}");
        } else {
            push(segment);
        }
    }
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if matches!(name, "page" | "p" | "offset" | "start" | "skip") {
            page = page.or(number(value));
        } else if names_a_record(name) && number(value).is_some() {
            id = number(value);
            push("?");
            push(name);
            push("={n}");
        }
    }
    (id, page)
}

fn without_host(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if scheme.len() <= 5 => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    }
}

fn number(text: &str) -> Option<u64> {
    (text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 18).then(|| text.parse().ok()).flatten()
}

/// A slug, a token, a name with a number: something that differs per record. `v1` and the like are not.
fn is_particular(segment: &str) -> bool {
    let version = segment.strip_prefix('v').is_some_and(|rest| number(rest).is_some());
    !version
        && (segment.len() > 24
            || segment.bytes().any(|b| b.is_ascii_digit() || b == b'%')
            || segment.bytes().filter(|b| *b == b'-').count() >= 2)
}

fn trailing_number(segment: &str) -> Option<u64> {
    let at = segment.rfind(['_', '-'])?;
    number(&segment[at + 1..])
}

fn names_a_record(name: &str) -> bool {
    matches!(name, "id" | "number" | "order" | "customer" | "user") || name.ends_with("_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expect: &str, id: Option<u64>, page: Option<u64>) {
        assert_eq!(template(target), expect);
        assert_eq!(route(target).map_or((None, None), |r| (r.id, r.page)), (id, page), "{target}");
    }

    #[test]
    fn ids_and_pages_are_told_from_the_route() {
        check("/api/v1/customers/42/", "/api/v1/customers/{n}/", Some(42), None);
        check("/api/customers/?page=3&page_size=50", "/api/customers/", None, Some(3));
        check("/catalogue/the-old-blue-mug_209/", "/catalogue/{x}/", Some(209), None);
        check("/export?customer_id=7", "/export?customer_id={n}", Some(7), None);
        check("https://shop.example/orders/100-200/", "/orders/{x}/", Some(200), None);
        check("/about/", "/about/", None, None);
        check("", "", None, None);
    }

    #[test]
    fn records_of_one_route_share_its_hash() {
        assert_eq!(route("/api/orders/1").map(|r| r.hash), route("/api/orders/2?x=1").map(|r| r.hash));
        assert_ne!(route("/api/orders/1").map(|r| r.hash), route("/api/customers/1").map(|r| r.hash));
    }
}
