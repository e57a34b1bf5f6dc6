//! Builds chunks of Windows event logs for tests, in the shape in which Windows writes them: a template with places for
//! values, which later records of the chunk name, and the values of each record behind it.

/// A chunk of 64 KiB under way.
pub(crate) struct ChunkBuilder {
    bytes: Vec<u8>,
    records: u64,
    first_id: u64,
    last: u32,
}

/// One event's own values.
pub(crate) struct Event<'a> {
    pub(crate) provider: &'a str,
    pub(crate) id: u16,
    /// Microseconds since 1970.
    pub(crate) time_us: i64,
    pub(crate) channel: &'a str,
    /// The element of UserData that the data stands in; none for EventData.
    pub(crate) inside: Option<&'a str>,
    pub(crate) data: &'a [(&'a str, &'a str)],
}

const CHUNK: usize = 65_536;
const HEAD: usize = 512;
/// 1601-01-01, from which Windows counts, in microseconds before 1970.
const EPOCH_US: i64 = 11_644_473_600_000_000;

const STRING: u8 = 0x01;
const UINT16: u8 = 0x06;
const UINT64: u8 = 0x0a;
const FILETIME: u8 = 0x11;

impl ChunkBuilder {
    pub(crate) fn new(first_id: u64) -> ChunkBuilder {
        ChunkBuilder { bytes: vec![0; HEAD], records: 0, first_id, last: HEAD as u32 }
    }

    /// Adds a record. Names of its data stand in a template of its own, so that each event may have others.
    pub(crate) fn record(&mut self, event: &Event<'_>) -> &mut ChunkBuilder {
        let id = self.first_id + self.records;
        let filetime = ((event.time_us + EPOCH_US) * 10) as u64;
        let start = self.bytes.len();
        self.last = start as u32;
        self.bytes.extend(b"\x2a\x2a\0\0\0\0\0\0");
        self.u64(id);
        self.u64(filetime);
        self.bytes.extend([0x0f, 1, 1, 0]);
        self.instance(event);
        self.utf16_values(event, id, filetime);
        self.bytes.push(0);
        while self.bytes.len() % 8 != 4 {
            self.bytes.push(0);
        }
        let size = (self.bytes.len() + 4 - start) as u32;
        self.u32(size);
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        self.records += 1;
        self
    }

    /// The whole chunk.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let last = self.records.saturating_sub(1);
        let free = bytes.len() as u32;
        let records_crc = evtx::checksum_ieee(&bytes[HEAD..]);
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        for (at, n) in [(8, 1), (16, last + 1), (24, self.first_id), (32, self.first_id + last)] {
            bytes[at..at + 8].copy_from_slice(&n.to_le_bytes());
        }
        for (at, n) in [(40, 128), (44, self.last), (48, free), (52, records_crc)] {
            bytes[at..at + 4].copy_from_slice(&n.to_le_bytes());
        }
        let head: Vec<u8> = [&bytes[..120], &bytes[128..HEAD]].concat();
        bytes[124..128].copy_from_slice(&evtx::checksum_ieee(&head).to_le_bytes());
        bytes.resize(CHUNK, 0);
        bytes
    }

    /// The same as a whole file: a head, then the chunk.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut bytes = b"ElfFile\0".to_vec();
        bytes.resize(4_096, 0);
        bytes[24..32].copy_from_slice(&(self.first_id + self.records).to_le_bytes());
        // Length of the head, version 3.1, length of the head's block, one chunk.
        bytes[32..44].copy_from_slice(&[128, 0, 0, 0, 1, 0, 3, 0, 0, 16, 1, 0]);
        let crc = evtx::checksum_ieee(&bytes[..120]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        bytes.extend(self.build());
        bytes
    }

    fn instance(&mut self, event: &Event<'_>) {
        let id = self.records as u32 + 1;
        self.bytes.extend([0x0c, 1]);
        self.u32(id);
        let at = self.bytes.len() as u32 + 4;
        self.u32(at);
        self.u32(0);
        self.u32(id);
        self.bytes.extend([0; 12]);
        let size_at = self.bytes.len();
        self.u32(0);
        self.bytes.extend([0x0f, 1, 1, 0]);
        self.tree(event);
        self.bytes.push(0);
        self.size(size_at);
    }

    fn tree(&mut self, event: &Event<'_>) {
        let event_end = self.open("Event", &[]);
        let system_end = self.open("System", &[]);
        self.leaf("Provider", &[("Name", Place::Text(event.provider))], None);
        self.leaf("EventID", &[], Some((0, UINT16)));
        self.leaf("TimeCreated", &[("SystemTime", Place::Value(1, FILETIME))], None);
        self.leaf("EventRecordID", &[], Some((2, UINT64)));
        self.leaf("Channel", &[], Some((3, STRING)));
        self.leaf("Computer", &[], Some((4, STRING)));
        self.close(system_end);
        let data_end = self.open(event.inside.map_or("EventData", |_| "UserData"), &[]);
        let inner_end = event.inside.map(|name| self.open(name, &[]));
        for (i, (name, _)) in event.data.iter().enumerate() {
            let value = Some((5 + i as u16, STRING));
            match event.inside {
                Some(_) => self.leaf(name, &[], value),
                None => self.leaf("Data", &[("Name", Place::Text(name))], value),
            }
        }
        if let Some(end) = inner_end {
            self.close(end);
        }
        self.close(data_end);
        self.close(event_end);
    }

    fn utf16_values(&mut self, event: &Event<'_>, id: u64, filetime: u64) {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let mut values = vec![
            (UINT16, event.id.to_le_bytes().to_vec()),
            (FILETIME, filetime.to_le_bytes().to_vec()),
            (UINT64, id.to_le_bytes().to_vec()),
            (STRING, utf16(event.channel)),
            (STRING, utf16("WIN1.example")),
        ];
        values.extend(event.data.iter().map(|(_, value)| (STRING, utf16(value))));
        self.u32(values.len() as u32);
        for (kind, value) in &values {
            self.u16(value.len() as u16);
            self.bytes.extend([*kind, 0]);
        }
        values.iter().for_each(|(_, value)| self.bytes.extend(value));
    }

    fn leaf(&mut self, name: &str, attributes: &[(&str, Place<'_>)], value: Option<(u16, u8)>) {
        let end = self.open_with(name, attributes, value.is_none());
        if let Some((index, kind)) = value {
            self.bytes.push(0x0e);
            self.u16(index);
            self.bytes.push(kind);
            self.close(end);
        } else {
            self.size(end);
        }
    }

    fn open(&mut self, name: &str, attributes: &[(&str, Place<'_>)]) -> usize {
        self.open_with(name, attributes, false)
    }

    /// Opens an element; where its size stands comes back.
    fn open_with(&mut self, name: &str, attributes: &[(&str, Place<'_>)], is_empty: bool) -> usize {
        self.bytes.push(if attributes.is_empty() { 0x01 } else { 0x41 });
        self.u16(0xffff);
        let size_at = self.bytes.len();
        self.u32(0);
        self.name(name);
        if !attributes.is_empty() {
            let list_at = self.bytes.len();
            self.u32(0);
            for (i, (key, place)) in attributes.iter().enumerate() {
                self.bytes.push(if i + 1 < attributes.len() { 0x46 } else { 0x06 });
                self.name(key);
                match place {
                    Place::Text(text) => {
                        self.bytes.extend([0x05, STRING]);
                        self.counted(text);
                    }
                    Place::Value(index, kind) => {
                        self.bytes.push(0x0d);
                        self.u16(*index);
                        self.bytes.push(*kind);
                    }
                }
            }
            self.size(list_at);
        }
        self.bytes.push(if is_empty { 0x03 } else { 0x02 });
        size_at
    }

    fn close(&mut self, size_at: usize) {
        self.bytes.push(0x04);
        self.size(size_at);
    }

    /// Writes how many bytes have followed a place.
    fn size(&mut self, at: usize) {
        let size = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }

    /// A name, which stands right behind the offset that says where it is.
    fn name(&mut self, name: &str) {
        let at = self.bytes.len() as u32 + 4;
        self.u32(at);
        self.u32(0);
        let hash = name.encode_utf16().fold(0u32, |h, c| h.wrapping_mul(65_599).wrapping_add(u32::from(c)));
        self.u16(hash as u16);
        self.counted(name);
        self.u16(0);
    }

    fn counted(&mut self, text: &str) {
        self.u16(text.encode_utf16().count() as u16);
        self.bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }

    fn u16(&mut self, n: u16) {
        self.bytes.extend(n.to_le_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.bytes.extend(n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.bytes.extend(n.to_le_bytes());
    }
}

/// What an attribute holds.
enum Place<'a> {
    Text(&'a str),
    Value(u16, u8),
}
