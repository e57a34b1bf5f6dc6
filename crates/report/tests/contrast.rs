//! The colours of the page as it is made, against WCAG 2.2 AA: text 4.5:1, marks that carry meaning 3:1, in each scheme.

#![allow(clippy::unwrap_used, reason = "a test says more by failing")]

mod fixture;

use std::collections::BTreeMap;

const TEXT: f64 = 4.5;
const MARK: f64 = 3.0;

/// What text may stand on: the page, a duty, the first deadline and what is due, what is open, the intrusion's span in
/// the picture. Every text colour must hold on every one, so that moving words between parts needs no second look.
const GROUNDS: [&str; 5] = ["paper", "raised", "alarm-pale", "amber-pale", "shade"];

/// Marks that say something, by their rule in `style.css`, with what they are drawn on.
const MARKS: [(&str, &str, &[&str]); 14] = [
    (".picture .floor", "fill", &["paper", "rail", "alarm-pale"]),
    (".picture .ceiling", "stroke", &["paper", "rail"]),
    (".hatch-line", "fill", &["alarm-pale"]),
    (".picture .all", "fill", &["paper", "shade"]),
    (".picture .theirs", "fill", &["paper", "shade"]),
    (".picture .base", "stroke", &["paper", "shade"]),
    (".picture .moment, .picture .mark", "fill", &["paper", "shade"]),
    (".picture .response", "fill", &["paper", "shade"]),
    (".swatch.floor, .swatch.theirs", "background", &["paper"]),
    (".swatch.all", "background", &["paper"]),
    (".verdict", "border-left", &["paper"]),
    (".counsel", "border-left", &["paper"]),
    (".first-deadline", "border-left", &["alarm-pale"]),
    (":focus-visible", "outline", &GROUNDS),
];

/// Grounds and rules of a drawing: what they show is said in words beside them, and they must stay behind the marks.
const BEHIND: [&str; 6] = [
    ".picture .rail",
    ".picture .grid",
    ".picture .rail-line",
    ".picture .intrusion",
    ".picture .halo",
    ".hatch-ground",
];

/// One declaration, with its rule's selector and the blocks around it.
struct Declared {
    within: String,
    selector: String,
    property: String,
    value: String,
}

impl Declared {
    /// The tokens that its value names.
    fn tokens(&self) -> impl Iterator<Item = &str> {
        self.value.split("var(--").skip(1).filter_map(|rest| rest.split(')').next())
    }

    fn is_text(&self) -> bool {
        let written = self.property == "fill" && matches!(self.selector.as_str(), ".picture text" | ".picture .tick");
        self.property == "color" || written
    }
}

/// The style of the page, rule by rule.
fn declared(css: &str) -> Vec<Declared> {
    let (mut out, mut open, mut text) = (Vec::new(), Vec::<String>::new(), String::new());
    let without_comments: String = css
        .split("/*")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once("*/").unwrap().1 })
        .collect();
    for c in without_comments.chars() {
        match c {
            '{' => open.push(std::mem::take(&mut text).trim().to_owned()),
            '}' => {
                let (body, selector) = (std::mem::take(&mut text), open.pop().unwrap());
                for (property, value) in body.split(';').filter_map(|d| d.split_once(':')) {
                    let (property, value) = (property.trim().to_owned(), value.trim().to_owned());
                    out.push(Declared { within: open.join(" "), selector: selector.clone(), property, value });
                }
            }
            c => text.push(c),
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    out
}

fn style() -> Vec<Declared> {
    let page = stanch_report::html(&fixture::Copperleaf::new().view()).unwrap();
    let (_, rest) = page.split_once("<style>").unwrap();
    let (css, body) = rest.split_once("</style>").unwrap();
    for own in [" style=\"", "fill=\"#", "stroke=\"", " color=\""] {
        assert!(!body.contains(own), "a colour of its own, outside the style sheet: {own}");
    }
    declared(css)
}

type Scheme = BTreeMap<String, [f64; 3]>;

/// The tokens of each scheme: the light one, and those that change some of it.
fn schemes(style: &[Declared]) -> [(&'static str, Scheme); 3] {
    let of = |is_of: &dyn Fn(&str) -> bool| -> Scheme {
        let tokens = style.iter().filter(|d| d.selector == ":root" && is_of(&d.within));
        let colours = tokens.filter_map(|d| Some((d.property.strip_prefix("--")?.to_owned(), colour(&d.value)?)));
        colours.collect()
    };
    let light = of(&|within| !within.contains("@media"));
    let over = |changed: Scheme| {
        assert!(!changed.is_empty());
        light.clone().into_iter().chain(changed).collect()
    };
    let dark = over(of(&|within| within.contains("prefers-color-scheme: dark")));
    let paper = over(of(&|within| within.contains("@media print")));
    [("light", light.clone()), ("dark", dark), ("on paper", paper)]
}

/// `#rgb` or `#rrggbb`, as parts of 255.
fn colour(value: &str) -> Option<[f64; 3]> {
    let digits = value.strip_prefix('#')?;
    let wide: String =
        if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
    if wide.len() != 6 {
        return None;
    }
    let part = |at: usize| u8::from_str_radix(&wide[at..at + 2], 16).ok().map(f64::from);
    Some([part(0)?, part(2)?, part(4)?])
}

/// WCAG's contrast ratio: relative luminance of the lighter over the darker, each with 0.05 for stray light.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let luminance = |rgb: [f64; 3]| {
        let [r, g, b] = rgb.map(|c| linear(c / 255.0));
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    };
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

fn hold(scheme: &(&str, Scheme), what: &str, token: &str, ground: &str, least: f64) {
    let ratio = contrast(scheme.1[token], scheme.1[ground]);
    assert!(ratio >= least, "{}: {what} in --{token} on --{ground} has {ratio:.2}:1 of {least}:1", scheme.0);
}

#[test]
fn the_formula_gives_the_ratios_that_wcag_states() {
    let [black, white, grey] = ["#000", "#ffffff", "#767676"].map(|c| colour(c).unwrap());
    assert!((contrast(black, white) - 21.0).abs() < 1e-9);
    assert!((contrast(grey, white) - 4.54).abs() < 0.01);
}

#[test]
fn every_text_can_be_read_on_every_ground_in_every_scheme() {
    let style = style();
    let texts: Vec<&Declared> = style.iter().filter(|d| d.is_text()).collect();
    assert!(texts.len() > 20, "the style sheet is read");
    for scheme in &schemes(&style) {
        for text in &texts {
            for (token, ground) in text.tokens().flat_map(|t| GROUNDS.map(|ground| (t, ground))) {
                hold(scheme, &text.selector, token, ground, TEXT);
            }
        }
    }
}

#[test]
fn every_mark_stands_out_from_what_it_is_drawn_on() {
    let style = style();
    let rule = |selector: &str, property: &str| {
        let found = style.iter().find(|d| d.selector == selector && d.property == property);
        found.unwrap_or_else(|| panic!("style.css has no {property} for {selector:?}"))
    };
    let opacity = |selector| rule(selector, "opacity").value.parse::<f64>().unwrap();
    for scheme in &schemes(&style) {
        for (selector, property, grounds) in MARKS {
            let token = rule(selector, property).tokens().next().unwrap();
            grounds.iter().for_each(|ground| hold(scheme, selector, token, ground, MARK));
        }
        // A gap is hatched and lets through what is behind it.
        for (selector, ground) in [(".picture .gap", "paper"), (".picture .gap", "shade"), (".swatch.gap", "paper")] {
            let (share, under) = (opacity(selector), scheme.1[ground]);
            let [r, g, b] = scheme.1["alarm"];
            let line = [(r, under[0]), (g, under[1]), (b, under[2])].map(|(c, u)| c * share + u * (1.0 - share));
            let ratio = contrast(line, under);
            assert!(ratio >= MARK, "{}: {selector} on --{ground} has {ratio:.2}:1", scheme.0);
        }
    }
}

#[test]
fn no_colour_escapes_the_measuring() {
    for d in style().iter().filter(|d| !d.property.starts_with("--")) {
        let raw = d.value.contains("rgb") || d.value.contains("hsl") || d.value.split(' ').any(|w| colour(w).is_some());
        assert!(!raw, "{} has {} of its own: {}", d.selector, d.property, d.value);
        let drawn = matches!(d.property.as_str(), "fill" | "stroke") && !d.is_text();
        let known = BEHIND.contains(&d.selector.as_str()) || MARKS.iter().any(|(s, ..)| *s == d.selector);
        assert!(!drawn || known, "{} draws in {}: is it a mark, or behind one?", d.selector, d.value);
        let ground = d.property.starts_with("background") && !d.selector.starts_with(".swatch");
        let unknown = d.tokens().find(|t| ground && !GROUNDS.contains(t));
        assert!(
            unknown.is_none(),
            "{} stands on --{}, on which nothing is measured",
            d.selector,
            unknown.unwrap_or("")
        );
    }
}
