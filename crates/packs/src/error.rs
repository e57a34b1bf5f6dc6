//! Where a pack is wrong, and what to do about it.

use std::error::Error;
use std::fmt;

/// A pack that cannot be used. Shown as `packs/laws/eu/gdpr.yaml:12:5: …`, with a hint on the next line where
/// there is one.
#[derive(Debug)]
pub struct PackError {
    /// The file: `packs/laws/eu/gdpr.yaml`.
    pub file: String,
    /// Its line, from 1, where that is known.
    pub line: Option<u64>,
    /// The column, from 1, where that is known.
    pub column: Option<u64>,
    /// What is wrong, in a line.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
    source: Option<std::io::Error>,
}

impl PackError {
    /// An error about a file as a whole.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> PackError {
        PackError { file: file.into(), line: None, column: None, message: message.into(), hint: None, source: None }
    }

    /// The same, at a line and column (both from 1).
    #[must_use]
    pub fn at(mut self, line: u64, column: u64) -> PackError {
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    /// The same, with what would put it right.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> PackError {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_source(mut self, source: std::io::Error) -> PackError {
        self.source = Some(source);
        self
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column)?;
        f.write_str(&self.message)?;
        write_hint(f, self.hint.as_deref())
    }
}

impl Error for PackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|e| e as &(dyn Error + 'static))
    }
}

/// One thing that `stanch packs check` found wrong: a value out of its vocabulary, a sample that does not come out
/// as the pack says. Every stage that owns a kind of pack reports in this form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file: `packs/formats/nginx.yaml`.
    pub file: String,
    /// Its line, where that is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem with a file as a whole.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { file: file.into(), line: None, message: message.into(), hint: None }
    }

    /// The same, at a line (from 1).
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Problem {
        self.line = Some(line);
        self
    }

    /// The same, with what would put it right.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl From<PackError> for Problem {
    fn from(error: PackError) -> Problem {
        let message = match &error.source {
            Some(source) => format!("{}: {source}", error.message),
            None => error.message,
        };
        Problem { file: error.file, line: error.line, message, hint: error.hint }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, None)?;
        f.write_str(&self.message)?;
        write_hint(f, self.hint.as_deref())
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, file: &str, line: Option<u64>, column: Option<u64>) -> fmt::Result {
    f.write_str(file)?;
    for number in [line, column].into_iter().flatten() {
        write!(f, ":{number}")?;
    }
    f.write_str(": ")
}

fn write_hint(f: &mut fmt::Formatter<'_>, hint: Option<&str>) -> fmt::Result {
    match hint {
        Some(hint) => write!(f, "\nhint: {hint}"),
        None => Ok(()),
    }
}
