//! Takes off what container runtimes put around each line of a program's output, and gives what is inside to the
//! reader of its own format. What that does not understand is an event all the same: the runtime says when it came.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use serde::Deserialize;
use stanch_model::event::Record;
use stanch_model::{EventClass, Position, TextField};
use std::borrow::Cow;

/// The runtimes' ways of wrapping a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapper {
    /// Docker's json-file driver: `{"log":"…\n","stream":"stdout","time":"…"}`.
    Docker,
    /// Kubernetes' container runtime interface: `TIME stdout F …`.
    Cri,
}

/// A line taken out of its wrapper.
pub(crate) struct Unwrapped<'a> {
    pub(crate) text: Cow<'a, str>,
    time: Cow<'a, str>,
    is_stderr: bool,
    /// Whether the line goes on in the next of its stream.
    goes_on: bool,
}

impl Wrapper {
    pub(crate) fn unwrap<'a>(self, text: &'a str) -> Option<Unwrapped<'a>> {
        match self {
            Wrapper::Docker => {
                let members = json::members(text)?;
                let get = |key: &str| members.iter().find(|(k, _)| k == key).and_then(|(_, raw)| json::text(raw));
                let (log, stream, time) = (get("log")?, get("stream")?, get("time")?);
                let whole = log.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t).len());
                let goes_on = whole.is_none();
                let text = match (log, whole) {
                    (log, None) => log,
                    (Cow::Borrowed(log), Some(to)) => Cow::Borrowed(&log[..to]),
                    (Cow::Owned(mut log), Some(to)) => {
                        log.truncate(to);
                        Cow::Owned(log)
                    }
                };
                Some(Unwrapped { text, time, is_stderr: stream == "stderr", goes_on })
            }
            Wrapper::Cri => {
                let (time, rest) = text.split_once(' ')?;
                let (stream, rest) = rest.split_once(' ')?;
                let (tag, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let is_one =
                    matches!(stream, "stdout" | "stderr") && matches!(tag.as_bytes().first(), Some(b'F' | b'P'));
                let goes_on = tag.starts_with('P');
                let (text, time) = (Cow::Borrowed(text), Cow::Borrowed(time));
                (is_one && time.contains('T')).then_some(Unwrapped {
                    text,
                    time,
                    is_stderr: stream == "stderr",
                    goes_on,
                })
            }
        }
    }

    /// The runtime's name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Wrapper::Docker => "Docker's json-file driver",
            Wrapper::Cri => "Kubernetes' container log",
        }
    }
}

/// The reader.
pub(crate) struct Wrapped {
    wrapper: Wrapper,
    clock: Clock,
    inner: Option<Box<dyn Reader>>,
    line_bytes_max: usize,
    /// Lines of stdout and stderr that go on.
    held: [Option<Held>; 2],
}

/// A line of which not all pieces have come.
struct Held {
    text: String,
    time: String,
    position: Position,
    pieces: u64,
}

impl Wrapped {
    /// `inner` reads what is inside; without one every line becomes an event of its own words.
    pub(crate) fn new(
        wrapper: Wrapper,
        clock: Clock,
        inner: Option<Box<dyn Reader>>,
        line_bytes_max: usize,
    ) -> Wrapped {
        Wrapped { wrapper, clock, inner, line_bytes_max, held: [None, None] }
    }

    fn whole(&mut self, text: &str, time: &str, position: Position, harvest: &mut Harvest) {
        let line = Line { text, raw: text.as_bytes(), position };
        if let Some(inner) = self.inner.as_mut().filter(|_| !text.trim().is_empty()) {
            inner.line(&line, harvest);
            if harvest.take_back(position).is_none() {
                return;
            }
        }
        match self.clock.any(time) {
            Ok(at) => {
                let mut record = Record::new(at, EventClass::Base, position);
                if !text.is_empty() {
                    record.set_text(TextField::Message, text);
                }
                harvest.event(record, 1);
            }
            Err(fault) => harvest.unread(&line, fault.reason()),
        }
    }

    fn release(&mut self, stream: usize, harvest: &mut Harvest) {
        if let Some(held) = self.held[stream].take() {
            harvest.join(held.pieces - 1);
            self.whole(&held.text, &held.time, held.position, harvest);
        }
    }
}

impl Reader for Wrapped {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(found) = self.wrapper.unwrap(line.text) else {
            return harvest.unread(line, format!("not wrapped as the other lines are, by {}", self.wrapper.title()));
        };
        let stream = usize::from(found.is_stderr);
        let too_long = |held: &Held| held.text.len() + found.text.len() > self.line_bytes_max;
        if self.held[stream].as_ref().is_some_and(too_long) {
            self.release(stream, harvest);
        }
        match &mut self.held[stream] {
            None if !found.goes_on => self.whole(&found.text, &found.time, line.position, harvest),
            None => {
                let (text, time) = (found.text.into_owned(), found.time.into_owned());
                self.held[stream] = Some(Held { text, time, position: line.position, pieces: 1 });
            }
            Some(held) => {
                held.text.push_str(&found.text);
                held.pieces += 1;
                let end = line.position.offset + u64::from(line.position.length);
                held.position.length = u32::try_from(end - held.position.offset).unwrap_or(u32::MAX);
                if !found.goes_on {
                    self.release(stream, harvest);
                }
            }
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.release(0, harvest);
        self.release(1, harvest);
        if let Some(inner) = &mut self.inner {
            inner.finish(harvest);
        }
    }
}
