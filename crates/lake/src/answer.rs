//! What an ad hoc query gives: columns and rows as text.

use crate::error::LakeError;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// An answer, every value as text, NULL as nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Column names.
    pub columns: Vec<String>,
    /// Whether each column holds numbers (they align right, and stay numbers in JSON).
    pub numeric: Vec<bool>,
    /// Rows.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    pub(crate) fn from_batches(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Answer, LakeError> {
        let fault = |source| LakeError::Columns { what: "the answer".into(), source };
        let options = FormatOptions::default();
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c, &options))
                .collect::<Result<_, _>>()
                .map_err(fault)?;
            for row in 0..batch.num_rows() {
                let cells = columns.iter().zip(batch.columns());
                rows.push(cells.map(|(f, c)| (!c.is_null(row)).then(|| f.value(row).to_string())).collect());
            }
        }
        Ok(Answer {
            columns: schema.fields().iter().map(|f| f.name().clone()).collect(),
            numeric: schema.fields().iter().map(|f| f.data_type().is_numeric()).collect(),
            rows,
        })
    }
}
