//! Progress on a terminal, for what takes longer than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How long something runs before a bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that stays away until a second has passed, and for good where nobody looks.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    watched: bool,
}

impl Progress {
    /// A bar over so many bytes.
    pub(crate) fn over_bytes(what: &'static str, bytes: u64) -> Progress {
        let shape = "{prefix:>9} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
        Progress::of(ProgressBar::new(bytes), what, shape)
    }

    /// A sign of life for work whose length is not known.
    pub(crate) fn without_end(what: &'static str) -> Progress {
        Progress::of(ProgressBar::new_spinner(), what, "{prefix:>9} {spinner} {elapsed}  {msg}")
    }

    fn of(bar: ProgressBar, what: &'static str, shape: &str) -> Progress {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(shape).expect("the shape is ours"));
        bar.set_prefix(what);
        Progress { bar, begun: Instant::now(), watched: std::io::stderr().is_terminal() }
    }

    /// So many more bytes are done.
    pub(crate) fn add(&self, bytes: u64) {
        self.show_if_due();
        self.bar.inc(bytes);
    }

    /// Something else is being done now.
    pub(crate) fn say(&self, what: &str) {
        self.show_if_due();
        self.bar.set_message(what.to_owned());
    }

    fn show_if_due(&self) {
        if self.watched && self.bar.is_hidden() && self.begun.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    /// Takes the bar away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
