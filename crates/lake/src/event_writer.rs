//! Writes the events of evidence files to Parquet. Blocks of events are encoded side by side, each becomes a row group.

use crate::error::LakeError;
use crate::events::{EVENT_SCHEMA, to_record_batch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::ColumnPath;
use stanch_model::{EventBatch, Seal, TextField};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How tables are written: zstd at its quickest, statistics per chunk only.
pub(crate) fn writer_properties() -> WriterProperties {
    properties().build()
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("1 is a zstd level")))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(1 << 18))
        .set_created_by("stanch".to_owned())
}

/// Texts of which nearly each is another, so that looking for repeats only costs.
const UNIQUE: &[TextField] = &[
    TextField::Url,
    TextField::UrlDecoded,
    TextField::RequestUid,
    TextField::Query,
    TextField::QueryParameters,
    TextField::Message,
    TextField::Unmapped,
];

/// The same for events: their places grow from row to row, which differences write in few bits. The smallest and
/// largest text of a chunk rules nothing out that is asked for, and costs a comparison a row.
fn event_properties() -> WriterProperties {
    let mut properties = properties();
    for place in ["line", "byte_offset", "time"] {
        let column = ColumnPath::from(place);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    for field in TextField::ALL {
        let column = ColumnPath::from(field.column());
        properties = properties
            .set_column_statistics_enabled(column.clone(), EnabledStatistics::None)
            .set_column_dictionary_enabled(column, !UNIQUE.contains(field));
    }
    properties.build()
}

/// Some of one evidence file's events on their way to a row group. May be filled on any thread.
pub struct EventBlock {
    writers: Vec<ArrowColumnWriter>,
    chunks: Vec<ArrowColumnChunk>,
    rows: u64,
}

impl EventBlock {
    /// Encodes a batch.
    ///
    /// # Errors
    /// If a column cannot be encoded.
    pub fn write(&mut self, batch: EventBatch) -> Result<(), LakeError> {
        self.rows += batch.len() as u64;
        let batch = to_record_batch(batch, None)?;
        let mut writers = self.writers.iter_mut();
        for (field, array) in EVENT_SCHEMA.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array).map_err(encoding)? {
                let writer = writers.next().expect("a writer for each column");
                writer.write(&leaf).map_err(encoding)?;
            }
        }
        Ok(())
    }

    /// Compresses what is left; no more events come.
    ///
    /// # Errors
    /// If a column cannot be encoded.
    pub fn close(&mut self) -> Result<(), LakeError> {
        let writers = std::mem::take(&mut self.writers);
        if self.rows > 0 {
            self.chunks =
                writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>().map_err(encoding)?;
        }
        Ok(())
    }
}

fn encoding(source: ParquetError) -> LakeError {
    LakeError::Parquet { doing: "encode", path: PathBuf::from("events"), source }
}

/// Writes the events of one evidence file. Until [`EventWriter::finish`] nothing is visible to the lake.
pub struct EventWriter {
    events_dir: PathBuf,
    temporary: PathBuf,
    factory: Arc<ArrowRowGroupWriterFactory>,
    writer: Option<SerializedFileWriter<File>>,
    rows: u64,
}

impl EventWriter {
    /// Opens a writer below `events_dir`. The file itself is made with the first block.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn create(events_dir: &Path) -> Result<EventWriter, LakeError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        std::fs::create_dir_all(events_dir).map_err(LakeError::io("create", events_dir))?;
        let name = format!(".unfinished-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // What encodes a row group depends on the schema alone, so that a file is not needed for it.
        let nowhere = ArrowWriter::try_new(Vec::new(), EVENT_SCHEMA.clone(), Some(event_properties()));
        let (_, factory) = nowhere.and_then(ArrowWriter::into_serialized_writer).map_err(encoding)?;
        Ok(EventWriter {
            events_dir: events_dir.to_owned(),
            temporary: events_dir.join(name),
            factory: Arc::new(factory),
            writer: None,
            rows: 0,
        })
    }

    /// A block to be filled and appended. Several may be filled at the same time.
    ///
    /// # Errors
    /// If its columns cannot be set up.
    pub fn block(&self) -> Result<EventBlock, LakeError> {
        let writers = self.factory.create_column_writers(0).map_err(encoding)?;
        Ok(EventBlock { writers, chunks: Vec::new(), rows: 0 })
    }

    /// Appends a closed block as a row group.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, block: EventBlock) -> Result<(), LakeError> {
        if block.rows == 0 {
            return Ok(());
        }
        let failed = |source| LakeError::Parquet { doing: "write", path: self.temporary.clone(), source };
        if self.writer.is_none() {
            let file = File::create(&self.temporary).map_err(LakeError::io("create", &self.temporary))?;
            let writer = ArrowWriter::try_new(file, EVENT_SCHEMA.clone(), Some(event_properties()));
            self.writer = Some(writer.and_then(ArrowWriter::into_serialized_writer).map_err(failed)?.0);
        }
        let writer = self.writer.as_mut().expect("made just above");
        let mut group = writer.next_row_group().map_err(failed)?;
        for chunk in block.chunks {
            chunk.append_to_row_group(&mut group).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows += block.rows;
        Ok(())
    }

    /// Appends a batch as a block of its own.
    ///
    /// # Errors
    /// As [`EventWriter::append`].
    pub fn write(&mut self, batch: EventBatch) -> Result<(), LakeError> {
        let mut block = self.block()?;
        block.write(batch)?;
        block.close()?;
        self.append(block)
    }

    /// Completes the file and makes it the events of `seal`, in place of any earlier ones. Returns the rows written.
    ///
    /// # Errors
    /// If the file cannot be written out or put in its place.
    pub fn finish(self, seal: &Seal) -> Result<u64, LakeError> {
        self.finish_behind(seal, None)
    }

    /// The same for a file that grew: the events of its beginning, written before under that seal, come first.
    ///
    /// # Errors
    /// As for [`EventWriter::finish`].
    pub fn finish_behind(mut self, seal: &Seal, beginning: Option<&Seal>) -> Result<u64, LakeError> {
        let folder = folder_of(&self.events_dir, seal);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(LakeError::io("replace", &folder))?;
        }
        let before = match beginning {
            Some(beginning) => parts(&folder_of(&self.events_dir, beginning)),
            None => Vec::new(),
        };
        let written = self.writer.take();
        if written.is_none() && before.is_empty() {
            return Ok(0);
        }
        std::fs::create_dir_all(&folder).map_err(LakeError::io("create", &folder))?;
        for (i, part) in before.iter().enumerate() {
            let target = folder.join(format!("part-{i}.parquet"));
            // Not every file system has links.
            if std::fs::hard_link(part, &target).is_err() {
                std::fs::copy(part, &target).map_err(LakeError::io("copy", &target))?;
            }
        }
        if let Some(writer) = written {
            let file = writer.into_inner().map_err(LakeError::parquet("finish", &self.temporary))?;
            file.sync_all().map_err(LakeError::io("flush", &self.temporary))?;
            if rows_in(&self.temporary)? != self.rows {
                return Err(LakeError::NotAsWritten { path: self.temporary.clone() });
            }
            let target = folder.join(format!("part-{}.parquet", before.len()));
            std::fs::rename(&self.temporary, &target).map_err(LakeError::io("rename", &target))?;
        }
        // The names are on disk too, once the folder is.
        File::open(&folder).and_then(|dir| dir.sync_all()).map_err(LakeError::io("flush", &folder))?;
        Ok(self.rows)
    }
}

/// How many events of a file are there.
///
/// # Errors
/// If they cannot be read.
pub fn events_of(events_dir: &Path, seal: &Seal) -> Result<u64, LakeError> {
    parts(&folder_of(events_dir, seal)).iter().map(|part| rows_in(part)).sum()
}

fn folder_of(events_dir: &Path, seal: &Seal) -> PathBuf {
    events_dir.join(format!("evidence={seal}"))
}

/// The Parquet files of a folder, in order; none if it is not there.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let part = |i: usize| Some(folder.join(format!("part-{i}.parquet"))).filter(|part| part.exists());
    (0..).map_while(part).collect()
}

/// The rows that a Parquet file says it has.
fn rows_in(path: &Path) -> Result<u64, LakeError> {
    let file = File::open(path).map_err(LakeError::io("open", path))?;
    let reader = SerializedFileReader::new(file).map_err(LakeError::parquet("read back", path))?;
    Ok(u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default())
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // Best effort: what stays is named `.unfinished-…`, which the lake does not read.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
