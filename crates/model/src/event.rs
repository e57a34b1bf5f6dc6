//! Events: one normalised record per thing that a log says happened, under OCSF class and field names.
//!
//! Readers fill an [`EventBatch`], columns of one evidence file, without allocating per line; the lake writes it to
//! Parquet as it stands. Column names are OCSF paths with `_` for `.`, so that they can be typed in SQL.

use crate::time::Instant;

/// OCSF 1.8 event classes that Stanch reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum EventClass {
    /// 0, a line whose format is known and whose kind is of no use here (a server's start, a checkpoint).
    #[default]
    Base = 0,
    /// 1007 Process Activity.
    ProcessActivity = 1007,
    /// 1008 Event Log Activity: a log was cleared, stopped, rotated.
    EventLogActivity = 1008,
    /// 3001 Account Change.
    AccountChange = 3001,
    /// 3002 Authentication.
    Authentication = 3002,
    /// 4001 Network Activity: a connection, a flow.
    NetworkActivity = 4001,
    /// 4002 HTTP Activity.
    HttpActivity = 4002,
    /// 4003 DNS Activity.
    DnsActivity = 4003,
    /// 6001 Web Resources Activity.
    WebResources = 6001,
    /// 6003 API Activity.
    ApiActivity = 6003,
    /// 6005 Datastore Activity.
    DatastoreActivity = 6005,
    /// 6008 Application Error.
    ApplicationError = 6008,
}

impl EventClass {
    /// Every class.
    pub const ALL: &'static [EventClass] = &[
        EventClass::Base,
        EventClass::ProcessActivity,
        EventClass::EventLogActivity,
        EventClass::AccountChange,
        EventClass::Authentication,
        EventClass::NetworkActivity,
        EventClass::HttpActivity,
        EventClass::DnsActivity,
        EventClass::WebResources,
        EventClass::ApiActivity,
        EventClass::DatastoreActivity,
        EventClass::ApplicationError,
    ];

    /// OCSF's number.
    pub fn uid(self) -> i32 {
        self as i32
    }

    /// The class with that number; an unknown one is `Base`.
    pub fn from_uid(uid: i32) -> EventClass {
        EventClass::ALL.iter().copied().find(|c| c.uid() == uid).unwrap_or(EventClass::Base)
    }

    /// The name used in packs and the store file.
    pub fn word(self) -> &'static str {
        match self {
            EventClass::Base => "base_event",
            EventClass::ProcessActivity => "process_activity",
            EventClass::EventLogActivity => "event_log_activity",
            EventClass::AccountChange => "account_change",
            EventClass::Authentication => "authentication",
            EventClass::NetworkActivity => "network_activity",
            EventClass::HttpActivity => "http_activity",
            EventClass::DnsActivity => "dns_activity",
            EventClass::WebResources => "web_resources_activity",
            EventClass::ApiActivity => "api_activity",
            EventClass::DatastoreActivity => "datastore_activity",
            EventClass::ApplicationError => "application_error",
        }
    }

    /// The class of that name.
    pub fn from_word(word: &str) -> Option<EventClass> {
        EventClass::ALL.iter().copied().find(|c| c.word() == word)
    }

    /// Whether it is about a database.
    pub fn is_datastore(self) -> bool {
        self == EventClass::DatastoreActivity
    }
}

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $column:literal, $ocsf:literal $(, $alias:literal)*;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every field, in column order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The column's name in Parquet and SQL.
            pub const fn column(self) -> &'static str { match self { $($name::$variant => $column),+ } }

            /// The OCSF path that it stands for.
            pub const fn ocsf(self) -> &'static str { match self { $($name::$variant => $ocsf),+ } }

            /// The names that Sigma rules and the Elastic Common Schema have for it.
            pub const fn aliases(self) -> &'static [&'static str] { match self { $($name::$variant => &[$($alias),*]),+ } }

            /// The field of that column name, OCSF path, or alias.
            pub fn from_name(name: &str) -> Option<$name> {
                let exact = Self::ALL.iter().copied().find(|f| f.column() == name || f.ocsf() == name);
                exact.or_else(|| Self::ALL.iter().copied().find(|f| f.aliases().contains(&name)))
            }
        }
    };
}

fields! {
    /// Fields that hold text. Values are UTF-8; bytes that were not are replaced, and the raw line stays in evidence.
    TextField {
        /// Which log: the source's name from the store file or the format.
        LogName => "metadata_log_name", "metadata.log_name";
        /// What was done: `logon`, `logoff`, `read`, `statement`, `execute`, `connect`, …
        Activity => "activity_name", "activity_name", "event.action";
        /// `success`, `failure` or nothing where the log does not say.
        Status => "status", "status", "event.outcome";
        /// An error's code: SQLSTATE, …
        StatusCode => "status_code", "status_code", "error.code";
        /// An error's text.
        StatusDetail => "status_detail", "status_detail", "error.message";
        /// Client address, without port.
        SrcIp => "src_endpoint_ip", "src_endpoint.ip", "source.ip", "c-ip", "client_ip";
        /// User name as logged: the web user, or the database role.
        UserName => "actor_user_name", "actor.user.name", "user.name", "cs-username";
        /// The user's number in the store.
        UserUid => "actor_user_uid", "actor.user.uid", "user.id";
        /// Session: of the store as its log names it, or of the database.
        SessionUid => "actor_session_uid", "actor.session.uid";
        /// The public id of the key or credential used.
        CredentialUid => "actor_credential_uid", "actor.user.credential_uid";
        /// `GET`, `POST`, …
        HttpMethod => "http_request_method", "http_request.http_method", "http.request.method", "cs-method";
        /// Request target as logged, path and query, still encoded.
        Url => "http_request_url", "http_request.url.url_string", "url.original", "c-uri";
        /// The same with percent-encoding taken off, twice where it was put on twice; what rules look at.
        UrlDecoded => "http_request_url_decoded", "http_request.url.decoded", "url.full";
        /// Referrer.
        Referrer => "http_request_referrer", "http_request.referrer", "http.request.referrer", "cs-referer";
        /// User agent.
        UserAgent => "http_request_user_agent", "http_request.user_agent", "user_agent.original", "cs-user-agent", "c-useragent";
        /// The id that joins one request's lines across logs.
        RequestUid => "http_request_uid", "http_request.uid", "http.request.id";
        /// The virtual host asked for.
        Host => "dst_endpoint_hostname", "dst_endpoint.hostname", "url.domain", "cs-host";
        /// Database.
        Database => "database_name", "database.name";
        /// The program's name as the database knows it.
        AppName => "app_name", "app_name";
        /// Statement text.
        Query => "query_string", "query_info.query_string";
        /// Bound parameters, a JSON array of strings and nulls.
        QueryParameters => "query_parameters", "query_info.parameters";
        /// The command tag: `SELECT`, `COPY`, `UPDATE`, …
        QueryCommand => "query_command", "query_info.name";
        /// The address that was connected to.
        DstIp => "dst_endpoint_ip", "dst_endpoint.ip", "destination.ip", "s-ip";
        /// The machine that wrote the record.
        Device => "device_hostname", "device.hostname", "host.name", "ComputerName";
        /// The program's file or name, where a process acts.
        Process => "process_name", "process.name", "Image";
        /// Its command line.
        CommandLine => "process_cmd_line", "process.cmd_line", "process.command_line", "CommandLine";
        /// The call made: `GetObject`, `CreateAccessKey`, …
        ApiOperation => "api_operation", "api.operation", "eventName";
        /// The service that was called: `s3.amazonaws.com`, …
        ApiService => "api_service_name", "api.service.name", "eventSource";
        /// What was acted on: an object's key, a table, an account.
        Resource => "resource_name", "resource.name", "file.path";
        /// The name asked for.
        DnsName => "dns_query_hostname", "query.hostname", "dns.question.name";
        /// The protocol: `tcp`, `udp`, `tls`, …
        Protocol => "connection_protocol", "connection_info.protocol_name", "network.transport";
        /// The record's own words, where no other field holds them.
        Message => "message", "message";
        /// Fields that have no column here, a JSON object.
        Unmapped => "unmapped", "unmapped";
    }
}

fields! {
    /// Fields that hold whole numbers.
    NumberField {
        /// Client port.
        SrcPort => "src_endpoint_port", "src_endpoint.port", "source.port";
        /// HTTP status.
        HttpStatus => "http_response_code", "http_response.code", "http.response.status_code", "sc-status";
        /// Bytes of the response's body.
        ResponseBytes => "http_response_length", "http_response.length", "http.response.body.bytes", "sc-bytes";
        /// The port that was connected to.
        DstPort => "dst_endpoint_port", "dst_endpoint.port", "destination.port", "s-port";
        /// Bytes from the client to the server.
        BytesIn => "traffic_bytes_in", "traffic.bytes_in", "source.bytes", "cs-bytes";
        /// Bytes from the server to the client.
        BytesOut => "traffic_bytes_out", "traffic.bytes_out", "destination.bytes";
        /// The process's number.
        Pid => "process_pid", "process.pid", "ProcessId";
        /// How long it took, in microseconds.
        DurationUs => "duration_us", "duration";
        /// Rows returned or changed, as the server counted them.
        Rows => "query_rows", "query_info.rows";
        /// The source's own counter inside a session; orders before wall time.
        Sequence => "metadata_sequence", "metadata.sequence", "event.sequence";
    }
}

/// Where in an evidence file's text a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Its first line, from 1.
    pub line: u64,
    /// Its first byte, after decompression.
    pub offset: u64,
    /// Its length in bytes, without the last newline.
    pub length: u32,
}

/// Reads one event's fields, wherever they are kept.
pub trait EventFields {
    /// When it happened, clock offsets applied.
    fn time(&self) -> Instant;
    /// Its OCSF class.
    fn class(&self) -> EventClass;
    /// A text field, if the record has it.
    fn text(&self, field: TextField) -> Option<&str>;
    /// A number field, if the record has it.
    fn number(&self, field: NumberField) -> Option<i64>;
}

/// One text column: Arrow's layout, offsets into one run of bytes.
#[derive(Clone, Debug)]
pub struct TextColumn {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    valid: Vec<bool>,
    nulls: usize,
}

impl Default for TextColumn {
    fn default() -> Self {
        TextColumn { offsets: vec![0], bytes: Vec::new(), valid: Vec::new(), nulls: 0 }
    }
}

impl TextColumn {
    /// Appends a value as the row of that number; rows between that have none become nulls.
    fn put(&mut self, row: usize, value: &str) {
        self.fill_to(row);
        self.bytes.extend_from_slice(value.as_bytes());
        self.valid.push(true);
        self.offsets.push(self.end());
    }

    fn fill_to(&mut self, rows: usize) {
        let missing = rows - self.valid.len();
        if missing > 0 {
            self.nulls += missing;
            self.valid.resize(rows, false);
            self.offsets.resize(rows + 1, self.end());
        }
    }

    fn end(&self) -> i32 {
        i32::try_from(self.bytes.len()).expect("a batch is cut long before 2 GiB of text")
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        // Rows at the end that have no value may not have been written yet.
        if !self.valid.get(row).copied().unwrap_or(false) {
            return None;
        }
        let (from, to) = (self.offsets[row] as usize, self.offsets[row + 1] as usize);
        Some(std::str::from_utf8(&self.bytes[from..to]).expect("only whole strings are pushed"))
    }

    /// Takes the column apart: offsets (one more than rows), bytes, validity, number of nulls.
    pub fn into_parts(self) -> (Vec<i32>, Vec<u8>, Vec<bool>, usize) {
        (self.offsets, self.bytes, self.valid, self.nulls)
    }
}

/// Rows at which a batch is handed on.
pub const BATCH_ROWS_MAX: usize = 16_384;
/// Bytes of text at which a batch is handed on, so that long lines bound memory too.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// Events of one evidence file, by column.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// Moments.
    pub times: Vec<Instant>,
    /// Classes.
    pub classes: Vec<EventClass>,
    /// Places in the file.
    pub positions: Vec<Position>,
    texts: Vec<TextColumn>,
    numbers: Vec<Vec<Option<i64>>>,
    text_bytes: usize,
}

impl Default for EventBatch {
    fn default() -> Self {
        EventBatch {
            times: Vec::new(),
            classes: Vec::new(),
            positions: Vec::new(),
            texts: vec![TextColumn::default(); TextField::COUNT],
            numbers: vec![Vec::new(); NumberField::COUNT],
            text_bytes: 0,
        }
    }
}

impl EventBatch {
    /// An empty batch with as much room as another has come to need: the next of the same file, which then does not
    /// grow step by step.
    pub fn with_room_of(other: &EventBatch) -> EventBatch {
        let rows = other.len();
        let room = |column: &TextColumn| {
            if column.valid.is_empty() {
                return TextColumn::default();
            }
            let mut offsets = Vec::with_capacity(rows + 1);
            offsets.push(0);
            let bytes = Vec::with_capacity(column.bytes.len());
            TextColumn { offsets, bytes, valid: Vec::with_capacity(rows), nulls: 0 }
        };
        EventBatch {
            times: Vec::with_capacity(rows),
            classes: Vec::with_capacity(rows),
            positions: Vec::with_capacity(rows),
            texts: other.texts.iter().map(room).collect(),
            numbers: other.numbers.iter().map(|n| Vec::with_capacity(if n.is_empty() { 0 } else { rows })).collect(),
            text_bytes: 0,
        }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Whether it should be handed on.
    pub fn is_full(&self) -> bool {
        self.len() >= BATCH_ROWS_MAX || self.text_bytes >= BATCH_BYTES_MAX
    }

    /// Appends one event.
    pub fn push(&mut self, record: &Record<'_>) {
        self.times.push(record.time);
        self.classes.push(record.class);
        self.positions.push(record.position);
        let row = self.times.len() - 1;
        for (column, value) in self.texts.iter_mut().zip(&record.texts) {
            if let Some(value) = value {
                self.text_bytes += value.len();
                column.put(row, value);
            }
        }
        for (column, value) in self.numbers.iter_mut().zip(&record.numbers) {
            if value.is_some() {
                column.resize(row, None);
                column.push(*value);
            }
        }
    }

    /// One row, to read.
    pub fn row(&self, row: usize) -> BatchRow<'_> {
        assert!(row < self.len(), "row {row} of {}", self.len());
        BatchRow { batch: self, row }
    }

    /// All rows, to read.
    pub fn rows(&self) -> impl Iterator<Item = BatchRow<'_>> {
        (0..self.len()).map(|row| BatchRow { batch: self, row })
    }

    /// The columns, in the order of [`TextField::ALL`] and [`NumberField::ALL`].
    pub fn into_columns(mut self) -> (Vec<TextColumn>, Vec<Vec<Option<i64>>>) {
        let rows = self.times.len();
        self.texts.iter_mut().for_each(|column| column.fill_to(rows));
        self.numbers.iter_mut().for_each(|column| column.resize(rows, None));
        (self.texts, self.numbers)
    }
}

/// One event on its way into a batch: borrowed values, no allocation.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// When.
    pub time: Instant,
    /// What kind.
    pub class: EventClass,
    /// Where in the file.
    pub position: Position,
    texts: [Option<&'a str>; TextField::COUNT],
    numbers: [Option<i64>; NumberField::COUNT],
}

impl<'a> Record<'a> {
    /// An event with no fields yet.
    pub fn new(time: Instant, class: EventClass, position: Position) -> Self {
        Record { time, class, position, texts: [None; TextField::COUNT], numbers: [None; NumberField::COUNT] }
    }

    /// Sets a text field. Empty text and a lone `-` stay what they are: the reader decides what means absent.
    pub fn set_text(&mut self, field: TextField, value: &'a str) {
        self.texts[field as usize] = Some(value);
    }

    /// Sets a number field.
    pub fn set_number(&mut self, field: NumberField, value: i64) {
        self.numbers[field as usize] = Some(value);
    }
}

impl EventFields for Record<'_> {
    fn time(&self) -> Instant {
        self.time
    }
    fn class(&self) -> EventClass {
        self.class
    }
    fn text(&self, field: TextField) -> Option<&str> {
        self.texts[field as usize]
    }
    fn number(&self, field: NumberField) -> Option<i64> {
        self.numbers[field as usize]
    }
}

/// One row of a batch.
#[derive(Clone, Copy)]
pub struct BatchRow<'a> {
    batch: &'a EventBatch,
    row: usize,
}

impl BatchRow<'_> {
    /// Where in the file it stands.
    pub fn position(&self) -> Position {
        self.batch.positions[self.row]
    }
}

impl EventFields for BatchRow<'_> {
    fn time(&self) -> Instant {
        self.batch.times[self.row]
    }
    fn class(&self) -> EventClass {
        self.batch.classes[self.row]
    }
    fn text(&self, field: TextField) -> Option<&str> {
        self.batch.texts[field as usize].get(self.row)
    }
    fn number(&self, field: NumberField) -> Option<i64> {
        self.batch.numbers[field as usize].get(self.row).copied().flatten()
    }
}
