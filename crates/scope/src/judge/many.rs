//! Many questions of one shape, judged together.

use super::alike::Alike;
use super::batch::{Batch, BatchHit};
use super::{Access, COUNTS_DIFFER, Judge, ROWS_OF_A_SHAPE};
use crate::plan::{How, Schema};
use crate::tally::Hit;
use stanch_model::Effect;
use std::collections::BTreeSet;
use std::ops::Range;

/// Questions that are joined at once, at first and at most; in between as many as reach about [`ROWS_AT_ONCE`].
const FIRST_AT_ONCE: usize = 1 << 12;
const MOST_AT_ONCE: usize = 1 << 18;
/// Bounds the memory that a join's answer takes, whatever the number of questions and of rows that each reaches.
const ROWS_AT_ONCE: usize = 1 << 22;

/// For each source of a block: mapped columns, and how they reach the output.
type BlockFlows = Vec<Vec<(usize, How)>>;

impl Judge<'_, '_> {
    /// Judges all questions of a shape as one join. Says whether that was possible; what could not be judged so was
    /// judged one by one.
    pub(super) fn together(&mut self, number: u32, questions: &[&Alike<'_>]) -> bool {
        let schema = Schema { platform: self.platform, catalog: &self.catalog };
        let Ok(mut batch) = Batch::prepare(self.worlds, &schema, questions) else { return false };
        let lacking = self.lacks(&mut batch.plan);
        let flows: Vec<BlockFlows> = batch.blocks().map(|b| self.flows(b, false)).collect();
        let all = batch.units.len();
        let (mut from, mut at_once) = (0, FIRST_AT_ONCE);
        while from < all && self.reached <= ROWS_OF_A_SHAPE {
            let span = from..(from + at_once).min(all);
            let Ok(answered) = batch.run(self.worlds, span.clone()) else { break };
            let reached = answered.hits.len();
            self.reached += reached as u64;
            let mut hits = answered.hits.as_slice();
            for (unit, predicted) in span.clone().zip(answered.predicted) {
                let own = hits.iter().take_while(|h| h.unit as usize == unit).count();
                self.unit(number, &batch, &flows, unit, &hits[..own], predicted);
                hits = &hits[own..];
            }
            from = span.end;
            at_once = next_size(&span, reached);
        }
        for unit in &batch.units[from..] {
            self.one(number, unit.alike, Some((unit.during, unit.seen)));
        }
        if let Some(why) = lacking.filter(|_| from > 0) {
            let mut seen = batch.units[0].seen;
            batch.units[1..from].iter().for_each(|unit| seen.and(unit.seen));
            let access = Access { seen, shape: number, during: batch.units[0].during, because: "" };
            self.fall_short(&access, batch.units[0].alike.text, &why);
        }
        if from > 0 {
            self.shapes[number as usize].judged = format!("planned once for {from} questions");
        }
        true
    }

    fn unit(
        &mut self,
        number: u32,
        batch: &Batch<'_>,
        flows: &[BlockFlows],
        unit: usize,
        hits: &[BatchHit],
        predicted: (u64, u64),
    ) {
        let about = &batch.units[unit];
        let access = Access { seen: about.seen, shape: number, during: about.during, because: "" };
        let reads = batch.plan.blocks.len();
        let (mut sure, mut because) = (true, "");
        if let [only] = batch.plan.blocks.as_slice()
            && only.counts_rows()
            && batch.plan.writes.is_empty()
            && let Some(observed) = about.alike.rows.and_then(|r| u64::try_from(r).ok())
            && !self.counts_agree(&access, observed, predicted)
        {
            sure = observed > predicted.1;
            because = COUNTS_DIFFER;
        }
        if reads > 0 {
            self.note_predicted(number, predicted.1 * about.seen.times);
        }
        let (of_reads, of_write) = hits.split_at(hits.partition_point(|h| usize::from(h.block) < reads));
        for hit in of_reads {
            let (at, source) = (usize::from(hit.block), usize::from(hit.source));
            let block = &batch.plan.blocks[at];
            let doubt = block.doubts.first().map_or("", String::as_str);
            self.tally.hit(
                self.worlds,
                &Hit {
                    seen: access.seen,
                    shape: number,
                    table: &block.sources[source].table,
                    row: hit.row,
                    sure: sure && hit.sure,
                    flows: &flows[at][source],
                    effect: Effect::Disclosed,
                    because: if because.is_empty() { doubt } else { because },
                },
            );
        }
        if let Some(write) = batch.write_of(unit).filter(|_| !about.alike.undone) {
            let found: BTreeSet<u32> = of_write.iter().filter(|h| h.source == 0).map(|h| h.row).collect();
            if let Err(why) = self.written(&access, &write, &found) {
                self.fall_back(&access, about.alike.text, &why);
            }
        }
    }
}

/// How many questions to join next, by how many rows the last ones reached.
fn next_size(last: &Range<usize>, reached: usize) -> usize {
    let each = reached.div_ceil(last.len().max(1)).max(1);
    (ROWS_AT_ONCE / each).clamp(1, MOST_AT_ONCE)
}
