//! The report's page: each part gathers its words and numbers here; `templates/` lays them out.

mod duties;
mod evidence;
mod exposure;
mod intruder;
mod method;
mod residence;
mod short;
mod story;
mod unknown;

use crate::CaseView;
use crate::moments::{When, Zone};
use askama::Template;
use stanch_model::{FileAccount, Seal};

/// Lays out the whole page.
pub(crate) fn render(view: &CaseView<'_>) -> Result<String, askama::Error> {
    let zone = Zone::named(view.time_zone);
    Page {
        store: view.store_name,
        platform: view.platform.join(", "),
        version: view.version,
        as_of: zone.minute(view.as_of),
        ledger_head: view.ledger_head,
        short: short::Short::of(view, &zone),
        story: story::Story::of(view, &zone),
        intruder: intruder::Who::of(view, &zone),
        exposure: exposure::Exposure::of(view.matrix),
        residence: residence::Residences::of(view.matrix),
        duties: duties::Duties::of(view),
        unknown: unknown::Unknown::of(view, &zone),
        method: method::Method::of(view, &zone),
        evidence: evidence::Evidence::of(view.files, &zone),
        zone: zone.name,
    }
    .render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    store: &'a str,
    platform: String,
    version: &'a str,
    zone: String,
    as_of: When,
    ledger_head: Option<&'a str>,
    short: short::Short,
    story: story::Story,
    intruder: intruder::Who,
    exposure: exposure::Exposure,
    residence: residence::Residences,
    duties: duties::Duties<'a>,
    unknown: unknown::Unknown,
    method: method::Method,
    evidence: evidence::Evidence<'a>,
}

/// A span as it is shown: both ends, or one moment.
#[derive(Clone, Debug)]
struct Span {
    from: When,
    to: When,
}

impl Span {
    fn of(zone: &Zone, window: stanch_model::Window) -> Span {
        let (from, to) = zone.span(window);
        Span { from, to }
    }

    /// Whether both ends read the same.
    fn is_moment(&self) -> bool {
        self.from.text == self.to.text
    }
}

/// Where bytes of evidence stand, for people: `nginx/access.log.1, byte 88 214, 212 long`.
fn located(files: &[FileAccount], example: &(Seal, u64, u32)) -> String {
    let (seal, offset, length) = example;
    let file =
        files.iter().find(|f| f.seal == *seal).map_or_else(|| format!("sha256 {}…", seal.short()), |f| f.path.clone());
    let (offset, length) = (crate::figures::count(*offset), crate::figures::count(u64::from(*length)));
    format!("{file}, byte {offset}, {length} long")
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
