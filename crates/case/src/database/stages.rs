//! The marks of stages that were begun or done.

use super::{Database, signed};
use crate::error::CaseError;
use crate::stage::{Stage, StageRow, StageState};
use stanch_model::Instant;

type Row = (String, String, String, i64, Option<i64>, Option<i64>, Option<i64>);

impl Database {
    /// Marks a stage as begun, from those inputs, and takes back the marks of all that is made from it.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn begin_stage(&self, stage: Stage, inputs: &str, at: Instant) -> Result<(), CaseError> {
        self.writing(async {
            let mut all = self.pool.begin().await?;
            for stale in stage.feeds() {
                sqlx::query("DELETE FROM stage WHERE name = ?").bind(stale.word()).execute(&mut *all).await?;
            }
            sqlx::query("INSERT OR REPLACE INTO stage (name, state, inputs, begun_at_us) VALUES (?, 'begun', ?, ?)")
                .bind(stage.word())
                .bind(inputs)
                .bind(at.0)
                .execute(&mut *all)
                .await?;
            all.commit().await
        })
    }

    /// Marks a stage as done.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn finish_stage(
        &self,
        stage: Stage,
        took_us: i64,
        bytes: Option<u64>,
        events: Option<u64>,
    ) -> Result<(), CaseError> {
        let set = sqlx::query("UPDATE stage SET state = 'done', took_us = ?, bytes = ?, events = ? WHERE name = ?")
            .bind(took_us)
            .bind(bytes.map(signed))
            .bind(events.map(signed))
            .bind(stage.word());
        self.writing(set.execute(&self.pool)).map(drop)
    }

    /// The mark of a stage, if it was begun and nothing before it has changed since.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn stage(&self, stage: Stage) -> Result<Option<StageRow>, CaseError> {
        Ok(self.stages()?.into_iter().find(|row| row.stage == stage))
    }

    /// Every mark, in the order of stages.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn stages(&self) -> Result<Vec<StageRow>, CaseError> {
        let query = sqlx::query_as("SELECT name, state, inputs, begun_at_us, took_us, bytes, events FROM stage");
        let rows: Vec<Row> = self.reading(query.fetch_all(&self.pool))?;
        let mut stages: Vec<StageRow> = rows.into_iter().filter_map(stage_row).collect();
        stages.sort_by_key(|row| row.stage);
        Ok(stages)
    }
}

fn stage_row((name, state, inputs, begun_at_us, took_us, bytes, events): Row) -> Option<StageRow> {
    Some(StageRow {
        stage: Stage::from_word(&name)?,
        state: if state == "done" { StageState::Done } else { StageState::Begun },
        inputs,
        begun_at: Instant(begun_at_us),
        took_us,
        bytes: bytes.map(i64::unsigned_abs),
        events: events.map(i64::unsigned_abs),
    })
}
