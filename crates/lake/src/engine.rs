//! The door to the query engine.

use crate::answer::Answer;
use crate::error::LakeError;
use crate::events::{EVENT_SCHEMA, EventRows, evidence_type};
use crate::table::table_name_of;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SQLOptions, SessionConfig, SessionContext};
use stanch_model::{NumberField, TextField};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The folders below `snapshot/` that hold the store's data, and the schemas under which SQL finds them.
pub const SNAPSHOT_ROLES: [&str; 2] = ["before", "after"];

/// Memory that one query may hold before it spills.
const POOL_BYTES: usize = 768 << 20;

/// A query engine with nothing registered: SQL in, batches out. Statements that write are refused.
pub struct Engine {
    runtime: Arc<Runtime>,
    context: SessionContext,
}

impl Engine {
    /// An engine that spills into `spill_dir` when a query outgrows its memory.
    pub fn new(spill_dir: &Path) -> Result<Engine, LakeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, usize::from))
            .thread_stack_size(8 << 20) // hostile SQL nests deeply; the parser also counts its depth
            .enable_time()
            .build()
            .map_err(LakeError::io("start threads for", spill_dir))?;
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(POOL_BYTES)))
            .with_temp_file_path(spill_dir)
            .build_arc()
            .map_err(LakeError::query("start"))?;
        let mut config = SessionConfig::new().with_information_schema(true).with_collect_statistics(true);
        let options = config.options_mut();
        // Arrays come back as the types they were written with.
        options.execution.parquet.schema_force_view_types = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.execution.parquet.pushdown_filters = true;
        let context = SessionContext::new_with_config_rt(config, environment);
        Ok(Engine { runtime: Arc::new(runtime), context })
    }

    /// The engine's own handle, for stages that build plans.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Waits for a future of the engine's.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs a query that only reads, all of its answer in memory.
    pub fn query(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), LakeError> {
        self.wait(async {
            let frame =
                self.context.sql_with_options(sql, read_only()).await.map_err(LakeError::query("plan the query"))?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            let batches = frame.collect().await.map_err(LakeError::query("run the query"))?;
            Ok((schema, batches))
        })
    }

    /// Runs a query that only reads, its answer as it comes.
    pub fn stream(&self, sql: &str) -> Result<BatchStream, LakeError> {
        let stream = self.wait(async {
            let frame =
                self.context.sql_with_options(sql, read_only()).await.map_err(LakeError::query("plan the query"))?;
            frame.execute_stream().await.map_err(LakeError::query("run the query"))
        })?;
        Ok(BatchStream { runtime: self.runtime.clone(), stream })
    }

    /// Makes batches readable as a table, in place of any of that name.
    pub fn register(&self, table: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<(), LakeError> {
        let memory = MemTable::try_new(schema, vec![batches]).map_err(LakeError::query("register a table"))?;
        let name = datafusion::common::TableReference::bare(table);
        // An absent table is no fault here.
        let _ = self.context.deregister_table(name.clone());
        self.context.register_table(name, Arc::new(memory)).map_err(LakeError::query("register a table"))?;
        Ok(())
    }

    /// Makes the Parquet tables of a folder readable: `<schema>.<table>`, or `<table>` without a schema. Returns names.
    pub fn register_folder(&self, schema: Option<&str>, dir: &Path) -> Result<Vec<String>, LakeError> {
        if let Some(schema) = schema {
            let catalog = self.context.catalog("datafusion").expect("the session's own catalog");
            catalog
                .register_schema(schema, Arc::new(MemorySchemaProvider::new()))
                .map_err(LakeError::query("register a schema"))?;
        }
        let mut names = Vec::new();
        for path in parquet_files(dir)? {
            let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(table) = table_name_of(&file) else { continue };
            let reference = match schema {
                Some(schema) => datafusion::common::TableReference::partial(schema, table.as_str()),
                None => datafusion::common::TableReference::bare(table.as_str()),
            };
            let read = self.context.register_parquet(reference, path.to_string_lossy(), ParquetReadOptions::default());
            self.wait(read).map_err(LakeError::query("register a table"))?;
            names.push(table);
        }
        Ok(names)
    }
}

fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

fn parquet_files(dir: &Path) -> Result<Vec<PathBuf>, LakeError> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(LakeError::io("list", dir))? {
        let path = entry.map_err(LakeError::io("list", dir))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".parquet") && !name.starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Batches of one query, as they come.
pub struct BatchStream {
    runtime: Arc<Runtime>,
    stream: SendableRecordBatchStream,
}

impl Iterator for BatchStream {
    type Item = Result<RecordBatch, LakeError>;
    fn next(&mut self) -> Option<Self::Item> {
        use futures_util::StreamExt;
        let next = self.runtime.block_on(self.stream.next())?;
        Some(next.map_err(LakeError::query("run the query")))
    }
}

/// In which order events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOrder {
    /// Quickest: files side by side, batches in no promised order.
    AsStored,
    /// By time, then evidence file, then line; spills when larger than memory.
    ByTime,
}

/// Everything of a case that can be asked: `events`, `before.*`, `after.*`, `exposure.*`.
pub struct Lake {
    engine: Engine,
    events_dir: PathBuf,
}

impl Lake {
    /// Opens what is there; folders that are not yet there are empty.
    pub fn open(events_dir: &Path, snapshot_dir: &Path, exposure_dir: &Path) -> Result<Lake, LakeError> {
        std::fs::create_dir_all(events_dir).map_err(LakeError::io("create", events_dir))?;
        let spill = events_dir.parent().unwrap_or(events_dir).join("tmp");
        Lake::open_spilling_into(&spill, events_dir, snapshot_dir, exposure_dir)
    }

    /// Opens what is there, and writes nothing beside it: sorting spills into `spill_dir`.
    pub fn open_spilling_into(
        spill_dir: &Path,
        events_dir: &Path,
        snapshot_dir: &Path,
        exposure_dir: &Path,
    ) -> Result<Lake, LakeError> {
        let engine = Engine::new(spill_dir)?;
        engine.register_events(events_dir)?;
        for role in SNAPSHOT_ROLES {
            engine.register_folder(Some(role), &snapshot_dir.join(role))?;
        }
        engine.register_folder(Some("exposure"), exposure_dir)?;
        Ok(Lake { engine, events_dir: events_dir.to_owned() })
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where the events lie.
    pub fn events_dir(&self) -> &Path {
        &self.events_dir
    }

    /// Streams events. Only the named fields are decoded, the others read as absent; `filter` is SQL over the events'
    /// columns.
    pub fn events(
        &self,
        texts: &[TextField],
        numbers: &[NumberField],
        filter: Option<&str>,
        order: EventOrder,
    ) -> Result<EventStream, LakeError> {
        let mut columns = vec!["evidence", "line", "byte_offset", "byte_length", "time", "class_uid"];
        columns.extend(texts.iter().map(|f| f.column()));
        columns.extend(numbers.iter().map(|f| f.column()));
        let filter = filter.map(|f| format!(" WHERE {f}")).unwrap_or_default();
        let order = match order {
            EventOrder::AsStored => "",
            EventOrder::ByTime => " ORDER BY time, evidence, line",
        };
        let sql = format!("SELECT {} FROM events{filter}{order}", columns.join(", "));
        Ok(EventStream { batches: self.engine.stream(&sql)? })
    }

    /// Answers a query that only reads.
    pub fn sql(&self, sql: &str) -> Result<Answer, LakeError> {
        let (schema, batches) = self.engine.query(sql)?;
        Answer::from_batches(&schema, &batches)
    }
}

impl Engine {
    fn register_events(&self, events_dir: &Path) -> Result<(), LakeError> {
        let fault = || LakeError::query("register events");
        let folder = events_dir.canonicalize().map_err(LakeError::io("open", events_dir))?;
        let url = ListingTableUrl::parse(format!("{}/", folder.display())).map_err(fault())?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_table_partition_cols(vec![("evidence".to_owned(), evidence_type())]);
        let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(EVENT_SCHEMA.clone());
        let table = ListingTable::try_new(config).map_err(fault())?;
        self.context.register_table("events", Arc::new(table)).map_err(fault())?;
        Ok(())
    }
}

/// Events of one query, as they come.
pub struct EventStream {
    batches: BatchStream,
}

impl Iterator for EventStream {
    type Item = Result<EventRows, LakeError>;
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.batches.next()?.map(|b| EventRows::from_record_batch(&b)))
    }
}
