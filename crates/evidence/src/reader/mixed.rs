//! Reads a text in which several formats stand side by side: a program's access log and its errors in one stream.

use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;

/// Readers that are asked one after the other. The first is the text's main format; what none understands is unread
/// for the main one's reason.
pub(crate) struct Mixed {
    main: Box<dyn Reader>,
    others: Vec<Box<dyn Reader>>,
}

impl Mixed {
    pub(crate) fn new(main: Box<dyn Reader>, others: Vec<Box<dyn Reader>>) -> Mixed {
        Mixed { main, others }
    }
}

impl Reader for Mixed {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.main.line(line, harvest);
        let Some(reason) = harvest.take_back(line.position) else { return };
        for other in &mut self.others {
            other.line(line, harvest);
            if harvest.take_back(line.position).is_none() {
                return;
            }
        }
        harvest.unread(line, reason);
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.main.finish(harvest);
        self.others.iter_mut().for_each(|other| other.finish(harvest));
    }

    fn is_line_by_line(&self) -> bool {
        self.main.is_line_by_line() && self.others.iter().all(|other| other.is_line_by_line())
    }
}
