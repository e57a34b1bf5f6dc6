//! Events as columns: laying out what readers produce, reading it back row by row.

use crate::error::LakeError;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, UInt16Type};
use stanch_model::event::TextColumn;
use stanch_model::{EventBatch, EventClass, EventFields, Instant, NumberField, Position, Seal, TextField};
use std::sync::{Arc, LazyLock};

/// The events' columns as they stand in each file; the table adds `evidence` from the folder's name.
pub(crate) static EVENT_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = vec![
        Field::new("line", DataType::UInt64, false),
        Field::new("byte_offset", DataType::UInt64, false),
        Field::new("byte_length", DataType::UInt32, false),
        Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("class_uid", DataType::Int32, false),
    ];
    fields.extend(TextField::ALL.iter().map(|f| Field::new(f.column(), DataType::Utf8, true)));
    fields.extend(NumberField::ALL.iter().map(|f| Field::new(f.column(), DataType::Int64, true)));
    Arc::new(Schema::new(fields))
});

/// The type of the `evidence` column: few values, many rows.
pub(crate) fn evidence_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}

fn text_array(column: TextColumn) -> ArrayRef {
    let (offsets, bytes, valid, nulls) = column.into_parts();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = (nulls > 0).then(|| NullBuffer::new(BooleanBuffer::from(valid)));
    Arc::new(
        StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls).expect("text columns hold whole UTF-8 strings"),
    )
}

pub(crate) fn to_record_batch(batch: EventBatch, seal: Option<&Seal>) -> Result<RecordBatch, LakeError> {
    let rows = batch.len();
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(batch.positions.iter().map(|p| p.line))),
        Arc::new(UInt64Array::from_iter_values(batch.positions.iter().map(|p| p.offset))),
        Arc::new(UInt32Array::from_iter_values(batch.positions.iter().map(|p| p.length))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(batch.times.iter().map(|t| t.0)).with_timezone("UTC")),
        Arc::new(Int32Array::from_iter_values(batch.classes.iter().map(|c| c.uid()))),
    ];
    let (texts, numbers) = batch.into_columns();
    arrays.extend(texts.into_iter().map(text_array));
    arrays.extend(numbers.into_iter().map(|n| Arc::new(Int64Array::from(n)) as ArrayRef));
    let mut schema = EVENT_SCHEMA.clone();
    if let Some(seal) = seal {
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new("evidence", evidence_type(), false)));
        schema = Arc::new(Schema::new(fields));
        let one: DictionaryArray<UInt16Type> = std::iter::repeat_n(seal.0.as_str(), rows).collect();
        arrays.push(Arc::new(one));
    }
    RecordBatch::try_new(schema, arrays)
        .map_err(|source| LakeError::Columns { what: "a batch of events".into(), source })
}

/// A batch of events read back. Columns that were not asked for read as absent.
#[derive(Clone)]
pub struct EventRows {
    rows: usize,
    evidence: DictionaryArray<UInt16Type>,
    line: UInt64Array,
    offset: UInt64Array,
    length: UInt32Array,
    time: TimestampMicrosecondArray,
    class: Int32Array,
    texts: Vec<Option<StringArray>>,
    numbers: Vec<Option<Int64Array>>,
}

impl EventRows {
    /// The events that a reader has just produced, for a pass that is fused with reading, and for tests.
    pub fn from_batch(seal: &Seal, batch: EventBatch) -> EventRows {
        let batch = to_record_batch(batch, Some(seal)).expect("a batch's columns are of one length");
        EventRows::from_record_batch(&batch)
    }

    pub(crate) fn from_record_batch(batch: &RecordBatch) -> EventRows {
        let column = |name: &str| batch.column_by_name(name).expect("every event query selects its key columns");
        EventRows {
            rows: batch.num_rows(),
            evidence: column("evidence").as_dictionary::<UInt16Type>().clone(),
            line: column("line").as_primitive().clone(),
            offset: column("byte_offset").as_primitive().clone(),
            length: column("byte_length").as_primitive().clone(),
            time: column("time").as_primitive().clone(),
            class: column("class_uid").as_primitive().clone(),
            texts: TextField::ALL
                .iter()
                .map(|f| batch.column_by_name(f.column()).map(|c| c.as_string::<i32>().clone()))
                .collect(),
            numbers: NumberField::ALL
                .iter()
                .map(|f| batch.column_by_name(f.column()).map(|c| c.as_primitive().clone()))
                .collect(),
        }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// One of them.
    pub fn row(&self, row: usize) -> EventRow<'_> {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        EventRow { rows: self, row }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = EventRow<'_>> {
        (0..self.rows).map(|row| EventRow { rows: self, row })
    }
}

/// One event.
#[derive(Clone, Copy)]
pub struct EventRow<'a> {
    rows: &'a EventRows,
    row: usize,
}

impl<'a> EventRow<'a> {
    /// The evidence file that it stands in.
    pub fn evidence(&self) -> Seal {
        Seal(self.evidence_str().to_owned())
    }

    /// The same, borrowed.
    pub fn evidence_str(&self) -> &'a str {
        let values = self.rows.evidence.values().as_string::<i32>();
        values.value(usize::from(self.rows.evidence.keys().value(self.row)))
    }

    /// Where in that file.
    pub fn position(&self) -> Position {
        Position {
            line: self.rows.line.value(self.row),
            offset: self.rows.offset.value(self.row),
            length: self.rows.length.value(self.row),
        }
    }

    /// A text field, borrowed from the batch.
    pub fn text_of(&self, field: TextField) -> Option<&'a str> {
        let column = self.rows.texts[field as usize].as_ref()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }
}

impl EventFields for EventRow<'_> {
    fn time(&self) -> Instant {
        Instant(self.rows.time.value(self.row))
    }
    fn class(&self) -> EventClass {
        EventClass::from_uid(self.rows.class.value(self.row))
    }
    fn text(&self, field: TextField) -> Option<&str> {
        self.text_of(field)
    }
    fn number(&self, field: NumberField) -> Option<i64> {
        let column = self.rows.numbers[field as usize].as_ref()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }
}
