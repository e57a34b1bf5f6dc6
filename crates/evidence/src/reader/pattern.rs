//! Compiles nginx's `log_format` and Apache's `LogFormat` as configured, and reads lines by them.

mod dialect;
mod matching;
mod moment;
mod read;
mod shape;

pub(crate) use dialect::Escape;
pub(crate) use read::{ByPattern, LogFormats};

use crate::reader::delimited::Written;
use crate::targets::{Target, WordFault};
use dialect::Piece;
use memchr::memmem::Finder;
use moment::Writing;
use serde::Deserialize;
use shape::Shape;
use stanch_model::TextField;
use std::collections::BTreeMap;

/// Variables in one pattern; more is no pattern that a person wrote.
const VARIABLES_MAX: usize = 256;

/// What packs say of the variables of patterns, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariablesPack {
    /// Variable → event field or word: nginx's by name (`remote_addr`), Apache's by letter with its argument (`h`,
    /// `{Referer}i`). A header's case does not matter.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// Event field or word → variables that serve where no mapped one does, the first that a pattern has; else they
    /// are kept in `unmapped`.
    #[serde(default)]
    pub otherwise: BTreeMap<String, Vec<String>>,
    /// Shape → variables that are written so. It tells where a value ends.
    #[serde(default)]
    pub shapes: BTreeMap<Shape, Vec<String>>,
}

/// What is known of variables, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    map: BTreeMap<String, Target>,
    otherwise: Vec<(Target, Vec<String>)>,
    shapes: BTreeMap<String, Shape>,
}

impl Variables {
    /// The variables that are known, each with what it gives.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Target)> {
        self.map.iter().map(|(name, target)| (name.as_str(), *target))
    }

    /// Compiles what a pack says.
    ///
    /// # Errors
    /// If a name is no event field and no word.
    pub(crate) fn compile(pack: &VariablesPack) -> Result<Variables, WordFault> {
        let mut variables = Variables::default();
        for (name, word) in &pack.map {
            variables.map.insert(key(name), Target::named(word)?);
        }
        for (word, names) in &pack.otherwise {
            variables.otherwise.push((Target::named(word)?, names.iter().map(|name| key(name)).collect()));
        }
        // An address that was seen goes before one that was passed on.
        variables.otherwise.sort_by_key(|(target, _)| *target == Target::LastAddress);
        for (shape, names) in &pack.shapes {
            variables.shapes.extend(names.iter().map(|name| (key(name), *shape)));
        }
        Ok(variables)
    }
}

/// A variable's name as it is looked up: a header's in small letters.
fn key(name: &str) -> String {
    if name.ends_with("}i") || name.ends_with("}o") { name.to_ascii_lowercase() } else { name.to_owned() }
}

/// A pattern, compiled: literals, and variables between them.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    pub(crate) escape: Escape,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(Box<Finder<'static>>),
    Variable(Variable),
}

#[derive(Clone, Debug)]
struct Variable {
    name: String,
    goes: Goes,
    /// Where it goes too, since no other variable does.
    also: Option<Target>,
    shape: Shape,
    /// Between quotes, where an escaped quote does not end it.
    is_quoted: bool,
}

/// Where a variable's value goes.
#[derive(Clone, Debug)]
enum Goes {
    To(Target),
    /// A piece of the moment, in that writing.
    Moment(Writing),
    Unmapped,
}

/// Why a pattern cannot be read by.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternFault {
    #[error("nothing stands between {first} and {second}, so nobody can tell where one ends")]
    Adjacent { first: String, second: String },
    #[error("it has no variable for the time")]
    NoTime,
    #[error("it has no variable at all")]
    NoVariable,
    #[error("it has more than {VARIABLES_MAX} variables")]
    TooMany,
    #[error("its time {0:?} has an escape that is not known")]
    UnknownTime(String),
}

impl Pattern {
    /// Compiles a pattern: the string alone, or the whole directive as it stands in the server's configuration.
    pub(crate) fn compile(written: &str, known: &Variables) -> Result<Pattern, PatternFault> {
        let dialect::Format { pieces, escape } = dialect::read(written);
        Pattern::of(&pieces, escape, known)
    }

    /// Compiles a pattern whose values are written as a pack says.
    pub(crate) fn compile_as(written: &str, values: Written, known: &Variables) -> Result<Pattern, PatternFault> {
        Pattern::of(&dialect::read(written).pieces, Escape::As(values), known)
    }

    fn of(pieces: &[Piece], escape: Escape, known: &Variables) -> Result<Pattern, PatternFault> {
        let names: Vec<&str> = pieces.iter().filter_map(Piece::name).collect();
        if names.is_empty() {
            return Err(PatternFault::NoVariable);
        }
        if names.len() > VARIABLES_MAX {
            return Err(PatternFault::TooMany);
        }
        let goes = places(&names, known)?;
        if !goes.iter().any(|(goes, _)| goes.is_time()) {
            return Err(PatternFault::NoTime);
        }
        let mut goes = goes.into_iter();
        let mut parts: Vec<Part> = Vec::with_capacity(pieces.len());
        for (i, piece) in pieces.iter().enumerate() {
            let name = match piece {
                Piece::Literal(text) => {
                    parts.push(Part::Literal(Box::new(Finder::new(text).into_owned())));
                    continue;
                }
                Piece::Variable(name) => name,
            };
            let (goes, also) = goes.next().unwrap_or((Goes::Unmapped, None));
            let before = i.checked_sub(1).and_then(|at| pieces.get(at)).and_then(Piece::literal);
            let after = pieces.get(i + 1).and_then(Piece::literal);
            let is_quoted = before.is_some_and(|t| t.ends_with('"')) && after.is_some_and(|t| t.starts_with('"'));
            let shape = known.shapes.get(&key(name)).copied().unwrap_or_else(|| goes.shape());
            if let Some(Part::Variable(first)) = parts.last()
                && !first.shape.is_bounded()
                && !shape.is_bounded()
            {
                let (first, second) = (first.name.clone(), name.clone());
                return Err(PatternFault::Adjacent { first, second });
            }
            parts.push(Part::Variable(Variable { name: name.clone(), goes, also, shape, is_quoted }));
        }
        keep_the_finest_time(&mut parts);
        Ok(Pattern { parts, escape })
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Literal(_) => None,
        })
    }

    /// How many variables it has.
    pub(crate) fn variable_count(&self) -> usize {
        self.variables().count()
    }
}

impl Goes {
    fn is_time(&self) -> bool {
        matches!(self, Goes::Moment(_) | Goes::To(Target::Time))
    }

    /// How values are written that go there, where the pack does not say.
    fn shape(&self) -> Shape {
        match self {
            Goes::Moment(_) => Shape::Moment,
            Goes::To(Target::Number(stanch_model::NumberField::HttpStatus)) => Shape::Status,
            Goes::To(Target::Number(_)) => Shape::Number,
            Goes::To(Target::Duration(_) | Target::Nanoseconds) => Shape::Decimal,
            Goes::To(Target::RequestLine | Target::WholeRequestLine) => Shape::Request,
            Goes::To(Target::Text(TextField::SrcIp)) => Shape::Address,
            Goes::To(Target::Text(TextField::HttpMethod | TextField::RequestUid)) => Shape::Word,
            Goes::To(Target::Text(TextField::Host)) => Shape::Host,
            _ => Shape::Text,
        }
    }
}

/// Of several times that say the same, only the one that tells most of it is read.
fn keep_the_finest_time(parts: &mut [Part]) {
    let time = |part: &Part| match part {
        Part::Variable(Variable { goes: Goes::To(Target::Time), shape, .. }) => Some(*shape),
        _ => None,
    };
    let fineness = |shape: Shape| match shape {
        Shape::Epoch => 2,
        Shape::Iso => 1,
        _ => 0,
    };
    let times = parts.iter().enumerate().filter_map(|(i, part)| Some((i, time(part)?)));
    let finest = times.max_by_key(|(i, shape)| (fineness(*shape), std::cmp::Reverse(*i))).map(|(i, _)| i);
    for (i, part) in parts.iter_mut().enumerate() {
        if let Part::Variable(Variable { goes: goes @ Goes::To(Target::Time), .. }) = part
            && Some(i) != finest
        {
            *goes = Goes::To(Target::Ignore);
        }
    }
}

/// Where each of a pattern's variables goes, and where it goes too.
fn places(names: &[&str], known: &Variables) -> Result<Vec<(Goes, Option<Target>)>, PatternFault> {
    let mapped = |name: &&str| {
        if let Some(format) = dialect::time_format(name) {
            let writing = Writing::compile(format).ok_or_else(|| PatternFault::UnknownTime(format.to_owned()))?;
            return Ok((Goes::Moment(writing), None));
        }
        let target = known.map.get(&key(name));
        Ok((target.map_or(Goes::Unmapped, |target| Goes::To(*target)), None))
    };
    let mut places: Vec<(Goes, Option<Target>)> = names.iter().map(mapped).collect::<Result<_, _>>()?;
    let is_taken = |places: &[(Goes, Option<Target>)], target: Target| {
        places.iter().any(|(goes, also)| match goes {
            _ if also.is_some_and(|also| also.fills_the_same(target)) => true,
            Goes::To(taken) => taken.fills_the_same(target),
            Goes::Moment(_) => target == Target::Time,
            Goes::Unmapped => false,
        })
    };
    for (target, others) in &known.otherwise {
        for other in others {
            let at = names.iter().position(|name| key(name) == *other);
            if let Some(at) = at.filter(|_| !is_taken(&places, *target)) {
                match &mut places[at] {
                    (goes @ Goes::Unmapped, _) => *goes = Goes::To(*target),
                    (_, also) => *also = Some(*target),
                }
            }
        }
    }
    // What begins a request is its time; `end:` tells another.
    let has_begin = names.iter().any(|name| dialect::time_format(name).is_some_and(|f| !f.starts_with("end:")));
    for (place, name) in places.iter_mut().zip(names) {
        if has_begin && dialect::time_format(name).is_some_and(|f| f.starts_with("end:")) {
            place.0 = Goes::Unmapped;
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn known() -> Variables {
        let pack: VariablesPack = serde_json::from_value(serde_json::json!({
            "map": {
                "remote_addr": "src_endpoint.ip", "time_local": "time", "request": "request_line",
                "status": "http_response.code", "request_time": "duration_s", "host": "dst_endpoint.hostname",
                "request_uri": "http_request.url.url_string", "http_user_agent": "http_request.user_agent",
                "h": "src_endpoint.ip", "t": "time", "r": "request_line", "s": "http_response.code",
                "{User-Agent}i": "http_request.user_agent", "U": "http_request.url.url_string", "q": "request_query",
                "body_bytes_sent": "http_response.length",
            },
            "otherwise": { "src_endpoint.ip": ["{c}a"], "last_address": ["{X-Forwarded-For}i"] },
            "shapes": { "clf": ["time_local", "t"], "query": ["q"], "path": ["U"] },
        }))
        .unwrap();
        Variables::compile(&pack).unwrap()
    }

    #[test]
    fn a_pattern_that_cannot_be_told_apart_says_why() {
        let fault = |written: &str| Pattern::compile(written, &known()).unwrap_err();
        assert_eq!(
            fault("$time_local $http_referer$http_user_agent").to_string(),
            "nothing stands between http_referer and http_user_agent, so nobody can tell where one ends"
        );
        assert_eq!(fault("$request"), PatternFault::NoTime);
        assert_eq!(fault("text"), PatternFault::NoVariable);
        assert_eq!(fault("%{%Y %@}t %r"), PatternFault::UnknownTime("%Y %@".to_owned()));
        assert_eq!(fault(&"$time_local,".repeat(300)), PatternFault::TooMany);
    }

    #[test]
    fn a_variable_that_only_serves_otherwise_yields_to_the_one_that_is_meant() {
        let goes = |written: &str| {
            let pattern = Pattern::compile(written, &known()).unwrap();
            pattern.variables().map(|v| matches!(v.goes, Goes::To(_))).collect::<Vec<_>>()
        };
        assert_eq!(goes("%h %{c}a %t"), [true, false, true]);
        assert_eq!(goes("%{c}a %t %{x-forwarded-for}i"), [true, true, false]);
        assert_eq!(goes("%{X-Forwarded-For}i %t"), [true, true]);
    }
}
