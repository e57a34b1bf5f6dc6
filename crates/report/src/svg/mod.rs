//! A small builder for inline SVG pictures that grow with the page without growing their letters.
//!
//! Places across are shares of the width (`%`), places down are pixels, so that one picture is legible from a phone to
//! a sheet of paper. Colours come from the page's style sheet by class; every picture has a title and a description,
//! and the page holds a table or list with the same content.

mod bars;
mod lanes;

pub(crate) use bars::{Bar, bars, part_of_whole};
pub(crate) use lanes::{lanes, track};

use crate::escape::for_markup;
use std::fmt::{self, Display, Write};

/// A share of the picture's width, 0 to 1, written as a percentage. What is not a number is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) f64);

impl Share {
    /// `part` of `whole`; nothing of nothing is nothing.
    pub(crate) fn of(part: u64, whole: u64) -> Share {
        if whole == 0 { Share(0.0) } else { Share(part as f64 / whole as f64) }
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = if self.0.is_finite() { self.0.clamp(0.0, 1.0) } else { 0.0 };
        write!(f, "{}%", trimmed(share * 100.0))
    }
}

/// Two decimals at most, none where none are needed.
pub(crate) fn trimmed(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A picture being drawn.
pub(crate) struct Picture {
    id: String,
    body: String,
    hatched: bool,
}

impl Picture {
    /// `id` is unique in the page and holds only letters, digits and dashes.
    pub(crate) fn new(id: &str) -> Picture {
        Picture { id: id.to_owned(), body: String::new(), hatched: false }
    }

    /// A box. Empty `class` means none.
    pub(crate) fn rect(&mut self, class: &str, x: Share, y: f64, width: Share, height: f64) {
        self.push(format_args!(
            r#"<rect class="{class}" x="{x}" y="{}" width="{width}" height="{}"/>"#,
            trimmed(y),
            trimmed(height)
        ));
    }

    /// A box filled with this picture's hatching.
    pub(crate) fn hatched_rect(&mut self, class: &str, x: Share, y: f64, width: Share, height: f64) {
        self.hatched = true;
        let fill = format!("url(#{}-hatch)", self.id);
        self.push(format_args!(
            r#"<rect class="{class}" x="{x}" y="{}" width="{width}" height="{}" fill="{fill}"/>"#,
            trimmed(y),
            trimmed(height)
        ));
    }

    /// Words whose baseline is at `y`.
    pub(crate) fn text(&mut self, class: &str, x: Share, y: f64, anchor: Anchor, words: &str) {
        self.push(format_args!(
            r#"<text class="{class}" x="{x}" y="{}" text-anchor="{}">{}</text>"#,
            trimmed(y),
            anchor.word(),
            for_markup(words)
        ));
    }

    /// A line from top to bottom or from side to side.
    pub(crate) fn line(&mut self, class: &str, from: (Share, f64), to: (Share, f64)) {
        self.push(format_args!(
            r#"<line class="{class}" x1="{}" y1="{}" x2="{}" y2="{}"/>"#,
            from.0,
            trimmed(from.1),
            to.0,
            trimmed(to.1)
        ));
    }

    /// A path in its own coordinates, `units` wide, stretched over the whole width.
    pub(crate) fn stretched_path(&mut self, class: &str, y: f64, height: f64, units: usize, data: &str) {
        self.push(format_args!(
            r#"<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 {units} {}" preserveAspectRatio="none"><path class="{class}" d="{data}"/></svg>"#,
            trimmed(y),
            trimmed(height),
            trimmed(height)
        ));
    }

    /// The finished element, described for those who do not see it.
    pub(crate) fn described(self, height: f64, title: &str, description: &str) -> String {
        let Picture { id, body, hatched } = self;
        let mut out = format!(
            r#"<svg class="picture" id="{id}" role="img" aria-labelledby="{id}-title {id}-desc" width="100%" height="{}"><title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>"#,
            trimmed(height),
            for_markup(title),
            for_markup(description)
        );
        if hatched {
            out.push_str(&hatching(&id));
        }
        out.push_str(&body);
        out.push_str("</svg>");
        out
    }

    /// The finished element, where the words beside it say the same.
    pub(crate) fn decorative(self, height: f64) -> String {
        let Picture { id, body, hatched } = self;
        let pattern = if hatched { hatching(&id) } else { String::new() };
        format!(
            r#"<svg class="picture" aria-hidden="true" focusable="false" width="100%" height="{}">{pattern}{body}</svg>"#,
            trimmed(height)
        )
    }

    fn push(&mut self, element: fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("writing to a String cannot fail");
    }
}

fn hatching(id: &str) -> String {
    format!(
        r#"<defs><pattern id="{id}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="5" height="5"/><rect class="hatch-line" width="2" height="5"/></pattern></defs>"#
    )
}

/// Which end of the words stands at their place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    /// Words run to the right of it.
    Start,
    /// Words are centred on it.
    Middle,
    /// Words end at it.
    End,
}

impl Anchor {
    fn word(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_described_and_its_words_are_escaped() {
        let mut p = Picture::new("p");
        p.rect("bar", Share(0.0), 1.0, Share(0.123456), 2.5);
        p.text("label", Share(f64::NAN), 3.0, Anchor::End, "<script>");
        insta::assert_snapshot!(p.described(9.0, "T & t", "D"), @r#"<svg class="picture" id="p" role="img" aria-labelledby="p-title p-desc" width="100%" height="9"><title id="p-title">T &amp; t</title><desc id="p-desc">D</desc><rect class="bar" x="0%" y="1" width="12.35%" height="2.5"/><text class="label" x="0%" y="3" text-anchor="end">&lt;script&gt;</text></svg>"#);
    }

    #[test]
    fn shares_stay_inside_the_picture() {
        assert_eq!(Share::of(3, 2).to_string(), "100%");
        assert_eq!(Share::of(1, 0).to_string(), "0%");
    }
}
