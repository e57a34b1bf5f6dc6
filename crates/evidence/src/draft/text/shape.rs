//! Aligns lines piece by piece into what is the same in all and what varies.

use super::pieces::{Kind, Piece, WORD};
use std::collections::{BTreeMap, BTreeSet};

/// Share of a position's lines that must have the same kind of piece there.
const MOST: f64 = 0.9;
/// Lines that a shape of its own must have.
const LINES_MIN: usize = 3;
/// Shapes told apart behind the common beginning.
const SHAPES_MAX: usize = 4;
/// Pieces of the rest of a line that a shape may have.
const REST_MAX: usize = 60;

/// One place in a shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// The same words or marks in all lines.
    Constant(String),
    /// Blanks, of which there may be more.
    Blanks(bool),
    /// A value: what it is, whether a line stands for none there, the word that names it, the values.
    Value { kind: Kind, may_lack: bool, hint: String, values: Vec<String> },
    /// Whatever is left of the line.
    Rest,
}

/// A shape of lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) places: Vec<Place>,
    /// Lines that have it, by number.
    pub(super) lines: Vec<usize>,
}

type Line<'a> = (usize, Vec<Piece<'a>>);

/// The shapes of some lines: the most special ones first, last the one that takes all.
pub(super) fn shapes(lines: &[Line<'_>]) -> Vec<Shape> {
    let frame = frame(lines);
    let (framed, others): (Vec<&Line<'_>>, Vec<&Line<'_>>) = lines.iter().partition(|(_, p)| has_frame(p, &frame));
    if framed.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let ends = framed.iter().filter(|(_, p)| p.len() == frame.len()).count();
    let beginning = places(&framed, 0, frame.len());
    if ends == framed.len() {
        found.push(Shape { places: beginning, lines: numbers(&framed) });
    } else {
        for group in groups(&framed, frame.len()) {
            let mut shape = Shape { places: places(&group, 0, frame.len()), lines: numbers(&group) };
            // Words of the beginning may differ in other lines of the same shape.
            shape.places.clone_from(&beginning);
            let length = group.first().map_or(frame.len(), |(_, p)| p.len());
            shape.places.extend(places(&group, frame.len(), length));
            found.push(shape);
        }
        let mut general = Shape { places: beginning, lines: numbers(&framed) };
        general.places.push(Place::Rest);
        found.push(general);
    }
    // Lines that begin otherwise, if they are many.
    if others.len() >= LINES_MIN && others.len() < lines.len() {
        let others: Vec<Line<'_>> = others.into_iter().cloned().collect();
        if found.len() <= SHAPES_MAX {
            found.extend(shapes(&others));
        }
    }
    found.truncate(SHAPES_MAX + 1);
    found
}

fn numbers(lines: &[&Line<'_>]) -> Vec<usize> {
    lines.iter().map(|(number, _)| *number).collect()
}

/// The kinds of the pieces with which most lines begin, as far as these go together.
fn frame(lines: &[Line<'_>]) -> Vec<Kind> {
    let mut frame = Vec::new();
    let mut with_it: Vec<&Line<'_>> = lines.iter().collect();
    loop {
        let at = frame.len();
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for (_, pieces) in &with_it {
            if let Some(piece) = pieces.get(at).filter(|piece| !is_none(piece)) {
                *counts.entry(piece.kind).or_default() += 1;
            }
        }
        let Some((kind, _)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return frame };
        let still: Vec<&Line<'_>> = with_it
            .iter()
            .copied()
            .filter(|(_, p)| p.get(at).is_some_and(|p| p.kind == kind || stands_for(p, kind)))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
        let share = still.len() as f64 / lines.len() as f64;
        // Until a time has come, the largest part is followed, since without one there is no event.
        let has_time = frame.iter().any(|k| matches!(k, Kind::Time(_)));
        if share < MOST && (has_time || still.len() * 4 < lines.len()) {
            return frame;
        }
        frame.push(kind);
        with_it = still;
    }
}

/// Whether a piece stands for no value.
fn is_none(piece: &Piece<'_>) -> bool {
    piece.text == "-" && piece.kind != Kind::Quoted
}

fn stands_for(piece: &Piece<'_>, kind: Kind) -> bool {
    is_none(piece) && (kind.is_value() || kind == Kind::Word)
}

fn has_frame(pieces: &[Piece<'_>], frame: &[Kind]) -> bool {
    pieces.len() >= frame.len() && frame.iter().zip(pieces).all(|(kind, p)| p.kind == *kind || stands_for(p, *kind))
}

/// Lines whose rest is the same but for values, in the order of how many they are.
fn groups<'l, 'a>(lines: &[&'l Line<'a>], from: usize) -> Vec<Vec<&'l Line<'a>>> {
    let mut by_words: BTreeMap<Vec<String>, Vec<&Line<'a>>> = BTreeMap::new();
    for line in lines.iter().filter(|(_, p)| p.len() > from && p.len() - from <= REST_MAX) {
        by_words.entry(signature(&line.1[from..])).or_default().push(line);
    }
    let merged = merge_one_word(by_words);
    let has_values = |group: &Vec<&Line<'a>>| {
        group.first().is_some_and(|(_, p)| {
            p[from..].iter().any(|p| matches!(p.kind, Kind::Ip | Kind::Quoted | Kind::Number | Kind::Path))
        })
    };
    let min = LINES_MIN.max(lines.len() / 50);
    let mut groups: Vec<Vec<&Line<'a>>> = merged.into_values().filter(|g| g.len() >= min && has_values(g)).collect();
    groups.sort_by_key(|group| usize::MAX - group.len());
    groups.truncate(SHAPES_MAX);
    groups
}

fn signature(pieces: &[Piece<'_>]) -> Vec<String> {
    let piece = |p: &Piece<'_>| match p.kind {
        Kind::Word | Kind::Mark(_) => p.text.to_owned(),
        Kind::Space => " ".to_owned(),
        Kind::Time(way) => format!("\u{1}t{way}"),
        kind => format!("\u{1}{kind:?}"),
    };
    pieces.iter().map(piece).collect()
}

/// Puts together groups that differ in one word only: a name.
fn merge_one_word<'l, 'a>(
    groups: BTreeMap<Vec<String>, Vec<&'l Line<'a>>>,
) -> BTreeMap<Vec<String>, Vec<&'l Line<'a>>> {
    const ANY: &str = "\u{1}w";
    let mut by_hole: BTreeMap<(usize, Vec<String>), BTreeSet<Vec<String>>> = BTreeMap::new();
    // What is merged has many groups; a few hundred lines keep this small.
    for signature in groups.keys() {
        for (at, word) in signature.iter().enumerate().filter(|(_, w)| w.starts_with(|c: char| c.is_alphanumeric())) {
            let mut with_hole = signature.clone();
            ANY.clone_into(&mut with_hole[at]);
            let _ = word;
            by_hole.entry((at, with_hole)).or_default().insert(signature.clone());
        }
    }
    let mut holes: Vec<_> = by_hole.into_iter().filter(|(_, members)| members.len() >= 3).collect();
    holes.sort_by_key(|(_, members)| usize::MAX - members.len());
    let mut left = groups;
    let mut merged = BTreeMap::new();
    for ((_, with_hole), members) in holes {
        let mut lines = Vec::new();
        for member in members {
            lines.extend(left.remove(&member).unwrap_or_default());
        }
        if !lines.is_empty() {
            merged.insert(with_hole, lines);
        }
    }
    merged.extend(left);
    merged
}

/// The places of some lines that have the same kinds of pieces.
fn places(lines: &[&Line<'_>], from: usize, to: usize) -> Vec<Place> {
    let mut places = Vec::new();
    let mut hint = String::new();
    for at in from..to {
        let pieces: Vec<&Piece<'_>> = lines.iter().filter_map(|(_, p)| p.get(at)).collect();
        let kind = pieces.iter().find(|p| !is_none(p)).or(pieces.first()).map_or(Kind::Space, |p| p.kind);
        let texts: BTreeSet<&str> = pieces.iter().map(|p| p.text).collect();
        let place = match kind {
            Kind::Space => Place::Blanks(texts.iter().any(|t| *t != " ")),
            Kind::Mark(_) => Place::Constant(texts.first().map_or(String::new(), |t| (*t).to_owned())),
            Kind::Word if texts.len() == 1 => Place::Constant((*texts.first().unwrap_or(&"")).to_owned()),
            kind => Place::Value {
                kind,
                may_lack: pieces.iter().any(|p| is_none(p)),
                hint: hint.clone(),
                values: pieces.iter().map(|p| p.text.to_owned()).collect(),
            },
        };
        hint = next_hint(hint, &place);
        places.push(place);
    }
    places
}

/// The word that names what comes next: `user=`, `"user":`, `from `.
fn next_hint(before: String, place: &Place) -> String {
    match place {
        Place::Constant(text) if text.chars().any(char::is_alphanumeric) => text.trim_end_matches(':').to_owned(),
        Place::Constant(text) if matches!(text.as_str(), "=" | ":" | "[" | "(" | "'" | "#") => before,
        Place::Blanks(_) => before,
        _ => String::new(),
    }
}

/// The regular expression of a value without its name.
pub(super) fn value_regex(kind: Kind, before_colon: bool) -> String {
    match kind {
        Kind::Time(way) => super::pieces::TIMES[way].to_owned(),
        Kind::Ip => r"[0-9A-Fa-f:.]{2,45}(?::\d{1,5})?".to_owned(),
        Kind::Number => r"-?\d+(?:\.\d+)?".to_owned(),
        Kind::Quoted => r#"(?:[^"\\]|\\.)*"#.to_owned(),
        Kind::Path => r#"[^\s"')\]>]+"#.to_owned(),
        Kind::Word | Kind::Space | Kind::Mark(_) if before_colon => format!("{WORD}?"),
        Kind::Word | Kind::Space | Kind::Mark(_) => WORD.to_owned(),
    }
}
