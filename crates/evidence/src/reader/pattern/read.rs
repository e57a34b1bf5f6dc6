//! Reads lines by compiled patterns.

use super::matching::{Mismatch, Range};
use super::moment::Parts;
use super::{Escape, Goes, Pattern};
use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::access::unescaped;
use crate::reader::before::{self, Before};
use crate::reader::delimited::plain;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, Instant, TextField};
use std::borrow::Cow;
use std::sync::Arc;

/// The patterns that lines follow, tried in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFormats {
    pub(crate) patterns: Vec<Pattern>,
    /// Texts that stand for no value, besides `-` and nothing.
    pub(crate) absent: Vec<String>,
    /// The class of records that are about no request.
    pub(crate) class: EventClass,
}

/// The reader.
pub(crate) struct ByPattern {
    formats: Arc<LogFormats>,
    before: Option<Arc<Before>>,
    clock: Clock,
    found: Vec<Range>,
}

impl ByPattern {
    pub(crate) fn new(formats: Arc<LogFormats>, before: Option<Arc<Before>>, clock: Clock) -> ByPattern {
        ByPattern { formats, before, clock, found: Vec::new() }
    }

    /// The pattern that a text follows; its values' places are then in `found`.
    fn pattern<'f>(&mut self, formats: &'f LogFormats, text: &str) -> Result<&'f Pattern, Mismatch> {
        let mut mismatch = Mismatch::Other;
        for pattern in &formats.patterns {
            match pattern.find(text, &mut self.found) {
                Ok(()) => return Ok(pattern),
                Err(Mismatch::Ambiguous) => mismatch = Mismatch::Ambiguous,
                Err(Mismatch::Other) => {}
            }
        }
        Err(mismatch)
    }

    fn moment(&mut self, pattern: &Pattern, text: &str, draft: &Draft<'_>) -> Result<Instant, TimeFault> {
        let mut parts = Parts::default();
        let mut is_written = false;
        for (variable, (from, to)) in pattern.variables().zip(&self.found) {
            if let Goes::Moment(writing) = &variable.goes {
                is_written |= writing.read(&text[*from..*to], &mut parts).is_some();
            }
        }
        match is_written.then(|| parts.moment(&mut self.clock)).flatten() {
            Some(moment) => Ok(moment),
            None => draft.time(&mut self.clock),
        }
    }
}

impl Reader for ByPattern {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let formats = Arc::clone(&self.formats);
        let before = self.before.clone();
        let mut head = Vec::new();
        let mut text = line.text;
        if let Some(known) = &before {
            (head, text) = known.split(line.text);
        }
        let mut pattern = self.pattern(&formats, text);
        if pattern.is_err() && text.len() < line.text.len() {
            (head, text) = (Vec::new(), line.text);
            pattern = self.pattern(&formats, text);
        }
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(Mismatch::Other) => return harvest.unread(line, "the line does not follow the pattern of its log"),
            Err(Mismatch::Ambiguous) => {
                return harvest.unread(line, "the line can be read in too many ways by the pattern of its log");
            }
        };
        let mut draft = Draft::default();
        for (variable, (from, to)) in pattern.variables().zip(&self.found) {
            let written = &text[*from..*to];
            if matches!(written, "" | "-") || formats.absent.iter().any(|absent| absent == written) {
                continue;
            }
            let value = match pattern.escape {
                Escape::Usual => unescaped(written),
                Escape::Json => json::unescaped(written),
                Escape::None => Cow::Borrowed(written),
                Escape::As(way) => plain(written, way),
            };
            if let Some(target) = variable.also {
                draft.put(target, value.clone());
            }
            match &variable.goes {
                Goes::To(Target::LastAddress) if value.contains(',') => {
                    draft.unmapped_text(&variable.name, &value);
                    draft.put(Target::LastAddress, value);
                }
                Goes::To(target) => draft.put(*target, value),
                Goes::Unmapped => draft.unmapped_text(&variable.name, &value),
                Goes::Moment(_) => {}
            }
        }
        for (name, value) in &head {
            before::put(name, value, &mut draft);
        }
        let is_request =
            [Target::RequestLine, Target::WholeRequestLine, Target::WholeUrl, Target::Text(TextField::Url)];
        let is_request = is_request.into_iter().any(|target| draft.has(target));
        let class = if is_request { EventClass::HttpActivity } else { formats.class };
        match self.moment(pattern, text, &draft) {
            Ok(time) => draft.finish((time, class, line.position), |record| harvest.event(record, 1)),
            Err(fault) => harvest.unread(line, fault.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::known;
    use super::*;
    use stanch_model::{EventFields, NumberField, Position};

    fn read(written: &str, text: &str) -> Harvest {
        let formats =
            LogFormats { patterns: vec![Pattern::compile(written, &known()).unwrap()], ..LogFormats::default() };
        let clock = Clock::new(jiff::tz::TimeZone::UTC, Arc::default());
        let mut reader = ByPattern::new(Arc::new(formats), None, clock);
        let mut harvest = Harvest::new("x", 0);
        let position = Position { line: 1, offset: 0, length: 0 };
        reader.line(&Line { text, raw: text.as_bytes(), position }, &mut harvest);
        harvest
    }

    #[test]
    fn a_moment_is_put_together_from_its_pieces() {
        let harvest = read(
            r#"%h [%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t] \"%r\" %{end:%s}t"#,
            r#"192.0.2.7 [2026-03-02T21:14:05.250+0100] "GET / HTTP/1.1" 1772486046"#,
        );
        let row = harvest.batch.row(0);
        assert_eq!(row.time().to_string(), "2026-03-02T20:14:05.25Z");
        assert_eq!(row.text(TextField::Unmapped), Some(r#"{"{end:%s}t":"1772486046"}"#));
    }

    #[test]
    fn the_last_address_passed_on_is_the_clients_where_no_other_is_logged() {
        let harvest =
            read(r#"%t "%{X-Forwarded-For}i" %>s"#, r#"[02/Mar/2026:21:14:05 +0000] "198.51.100.1, 203.0.113.9" 200"#);
        let row = harvest.batch.row(0);
        assert_eq!(row.text(TextField::SrcIp), Some("203.0.113.9"));
        assert_eq!(row.text(TextField::Unmapped), Some(r#"{"{X-Forwarded-For}i":"198.51.100.1, 203.0.113.9"}"#));
        assert_eq!(row.number(NumberField::HttpStatus), Some(200));
    }
}
