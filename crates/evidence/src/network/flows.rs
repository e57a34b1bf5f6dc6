//! Joins packets of the same two ends into flows, in bounded memory.

use super::packet::{End, Segment, Transport, flag};
use stanch_model::Position;
use std::collections::HashMap;

/// A flow without a packet for so long has ended; further packets begin another.
const IDLE_US: i64 = 120_000_000;
/// Flows that are open at a time. When there are more, the one that was silent longest is handed out.
const OPEN_MAX: usize = 100_000;
/// No flow.
const NONE: u32 = u32::MAX;

/// Counts of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) packets: u64,
    /// Of IP, headers included.
    pub(super) bytes: u64,
    /// Of what TCP, UDP or IP carried.
    pub(super) payload: u64,
    pub(super) flags: u8,
}

/// Why a flow was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Idle,
    Reused,
    Limit,
    CaptureEnd,
}

/// A flow: what two ends sent each other.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) client: End,
    pub(super) server: End,
    pub(super) transport: Transport,
    /// Of its first packet.
    pub(super) position: Position,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) from_client: Way,
    pub(super) from_server: Way,
    /// Type and code of its first ICMP packet.
    pub(super) icmp: Option<(u8, u8)>,
    /// Whether the capture began in its middle.
    pub(super) began_before: bool,
    pub(super) is_tls: bool,
    pub(super) server_name: Option<Box<str>>,
    /// The number that the client's SYN carried.
    opening: Option<u32>,
    older: u32,
    newer: u32,
}

/// What a packet was to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The first with anything in it that the client sent over TCP.
    FirstPayloadOfClient,
    /// Any other.
    Other,
}

type Key = (End, End, Transport);

/// The flows that are open.
#[derive(Debug)]
pub(super) struct Flows {
    by_key: HashMap<Key, u32>,
    slots: Vec<Flow>,
    free: Vec<u32>,
    /// Ends of the chain of flows, by their last packet.
    oldest: u32,
    newest: u32,
    open_max: usize,
}

impl Default for Flows {
    fn default() -> Self {
        Flows {
            by_key: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            open_max: OPEN_MAX,
        }
    }
}

impl Flows {
    /// Puts a packet to its flow. Flows that have ended by now are handed to `ended`.
    pub(super) fn packet(
        &mut self,
        segment: &Segment<'_>,
        time_us: i64,
        position: Position,
        mut ended: impl FnMut(&Flow, Why),
    ) -> Seen {
        while self.oldest != NONE && is_idle(&self.slots[self.oldest as usize], time_us) {
            ended(self.take(self.oldest), Why::Idle);
        }
        let key = key(segment);
        let mut slot = self.by_key.get(&key).copied();
        if let Some(at) = slot {
            let flow = &self.slots[at as usize];
            let why =
                if away(flow, time_us) { Some(Why::Idle) } else { flow.is_reopened_by(segment).then_some(Why::Reused) };
            if let Some(why) = why {
                ended(self.take(at), why);
                slot = None;
            }
        }
        let at = slot.unwrap_or_else(|| {
            if self.by_key.len() >= self.open_max {
                ended(self.take(self.oldest), Why::Limit);
            }
            self.put(key, Flow::begun_by(segment, time_us, position))
        });
        self.unlink(at);
        self.link(at);
        self.slots[at as usize].count(segment, time_us)
    }

    /// The flow of the last packet is TLS, for that server.
    pub(super) fn is_tls(&mut self, server_name: Option<String>) {
        if let Some(flow) = self.slots.get_mut(self.newest as usize) {
            flow.is_tls = true;
            flow.server_name = server_name.map(String::into_boxed_str);
        }
    }

    /// Hands out the flows that are still open, in the order of their first packets.
    pub(super) fn finish(&mut self, mut ended: impl FnMut(&Flow, Why)) {
        let mut open: Vec<u32> = self.by_key.drain().map(|(_, at)| at).collect();
        open.sort_unstable_by_key(|at| self.slots[*at as usize].position.line);
        for at in open {
            ended(&self.slots[at as usize], Why::CaptureEnd);
        }
        *self = Flows { open_max: self.open_max, ..Flows::default() };
    }

    fn put(&mut self, key: Key, flow: Flow) -> u32 {
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = flow;
                at
            }
            None => {
                self.slots.push(flow);
                // There are never more than the limit.
                u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
            }
        };
        self.by_key.insert(key, at);
        self.link(at);
        at
    }

    /// Takes a flow out. Its slot keeps it until another is put there.
    fn take(&mut self, at: u32) -> &Flow {
        self.unlink(at);
        self.free.push(at);
        let flow = &self.slots[at as usize];
        self.by_key.remove(&ordered(flow.client, flow.server, flow.transport));
        flow
    }

    fn unlink(&mut self, at: u32) {
        let Flow { older, newer, .. } = self.slots[at as usize];
        match self.slots.get_mut(older as usize) {
            Some(flow) => flow.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(flow) => flow.older = older,
            None => self.newest = older,
        }
    }

    /// Puts a flow at the newest end of the chain.
    fn link(&mut self, at: u32) {
        let newest = std::mem::replace(&mut self.newest, at);
        let flow = &mut self.slots[at as usize];
        (flow.older, flow.newer) = (newest, NONE);
        match self.slots.get_mut(newest as usize) {
            Some(flow) => flow.newer = at,
            None => self.oldest = at,
        }
    }
}

/// Two ends in one order, whoever sent.
fn ordered(one: End, other: End, transport: Transport) -> Key {
    if one <= other { (one, other, transport) } else { (other, one, transport) }
}

fn key(segment: &Segment<'_>) -> Key {
    ordered(segment.from, segment.to, segment.transport)
}

/// Whether a flow has been silent for too long by then.
fn is_idle(flow: &Flow, now_us: i64) -> bool {
    now_us.saturating_sub(flow.last_us) > IDLE_US
}

/// The same, or the clock was set back over more than that.
fn away(flow: &Flow, now_us: i64) -> bool {
    is_idle(flow, now_us) || flow.first_us.saturating_sub(now_us) > IDLE_US
}

impl Flow {
    fn begun_by(segment: &Segment<'_>, time_us: i64, position: Position) -> Flow {
        let is_tcp = segment.transport == Transport::Tcp && segment.from.port != 0;
        let (syn, ack) = (segment.flags & flag::SYN != 0, segment.flags & flag::ACK != 0);
        // An answer to a SYN that was not captured; or the middle of a flow, in which the well-known port is the server's.
        let is_answer = is_tcp && (syn && ack || !syn && segment.from.port < 1_024 && segment.to.port >= 1_024);
        let (client, server) = if is_answer { (segment.to, segment.from) } else { (segment.from, segment.to) };
        Flow {
            client,
            server,
            transport: segment.transport,
            position,
            first_us: time_us,
            last_us: time_us,
            from_client: Way::default(),
            from_server: Way::default(),
            icmp: segment.icmp,
            began_before: is_tcp && (ack || !syn),
            is_tls: false,
            server_name: None,
            opening: (is_tcp && syn && !ack).then_some(segment.sequence),
            older: NONE,
            newer: NONE,
        }
    }

    /// Whether a packet opens another connection between the same ports: a SYN that is no repetition.
    fn is_reopened_by(&self, segment: &Segment<'_>) -> bool {
        segment.transport == Transport::Tcp
            && segment.flags & (flag::SYN | flag::ACK) == flag::SYN
            && self.opening != Some(segment.sequence)
    }

    fn count(&mut self, segment: &Segment<'_>, time_us: i64) -> Seen {
        let is_client = segment.from == self.client;
        let way = if is_client { &mut self.from_client } else { &mut self.from_server };
        let is_first = is_client && segment.from.port != 0 && way.payload == 0 && !segment.payload.is_empty();
        way.packets += 1;
        way.bytes += segment.ip_bytes;
        way.payload += segment.payload_bytes;
        way.flags |= segment.flags;
        // Packets may stand a little out of order.
        self.first_us = self.first_us.min(time_us);
        self.last_us = self.last_us.max(time_us);
        if is_first && segment.transport == Transport::Tcp { Seen::FirstPayloadOfClient } else { Seen::Other }
    }

    /// Packets of both directions.
    pub(super) fn packets(&self) -> u64 {
        self.from_client.packets + self.from_server.packets
    }

    /// Whether a TCP connection came about; nothing where that cannot be told.
    pub(super) fn came_about(&self) -> Option<bool> {
        let answered = |flags: u8| flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK;
        (self.opening.is_some() && self.transport == Transport::Tcp).then(|| answered(self.from_server.flags))
    }

    /// How it ended, in a word.
    pub(super) fn ended_by(&self, why: Why) -> &'static str {
        if (self.from_client.flags | self.from_server.flags) & flag::RST != 0 {
            return "reset";
        }
        if self.from_client.flags & self.from_server.flags & flag::FIN != 0 {
            return "fin";
        }
        match why {
            Why::Idle => "idle",
            Why::Reused => "new_connection",
            Why::Limit => "limit_of_open_flows",
            Why::CaptureEnd => "capture_end",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::capture::Packet;
    use super::super::packet::tests::tcp;
    use super::*;

    const S: i64 = 1_000_000;

    /// Gives each packet (second, bytes) to a table of that size; what came out, by first packet, packets, and why.
    fn run(open_max: usize, packets: &[(i64, Vec<u8>)]) -> Vec<(u64, u64, &'static str)> {
        let mut flows = Flows { open_max, ..Flows::default() };
        let mut out = Vec::new();
        for (i, (second, bytes)) in packets.iter().enumerate() {
            let packet =
                Packet { time_us: second * S, link: 101, data: bytes, length: u32::try_from(bytes.len()).unwrap() };
            let position = Position { line: i as u64 + 1, offset: 0, length: 0 };
            let segment = Segment::of(&packet).unwrap();
            flows.packet(&segment, packet.time_us, position, |f, why| {
                out.push((f.position.line, f.packets(), f.ended_by(why)))
            });
        }
        flows.finish(|f, why| out.push((f.position.line, f.packets(), f.ended_by(why))));
        assert!(flows.by_key.is_empty() && flows.slots.is_empty());
        out
    }

    fn packet(from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32) -> Vec<u8> {
        tcp(from, to, flags, sequence, b"")
    }

    #[test]
    fn both_directions_are_one_flow_and_ports_that_are_used_again_are_another() {
        let (a, b) = ((1, 40_000), (2, 80));
        let handshake = |n| {
            vec![
                packet(a, b, flag::SYN, n),
                packet(a, b, flag::SYN, n),
                packet(b, a, flag::SYN | flag::ACK, 7),
                packet(a, b, flag::FIN | flag::ACK, n + 1),
                packet(b, a, flag::FIN | flag::ACK, 8),
                packet(a, b, flag::ACK, n + 2),
            ]
        };
        let packets: Vec<_> = handshake(100).into_iter().chain(handshake(900)).map(|p| (1, p)).collect();
        assert_eq!(run(10, &packets), [(1, 6, "fin"), (7, 6, "fin")]);
    }

    #[test]
    fn silence_ends_a_flow_and_a_clock_set_far_ahead_only_splits() {
        let (a, b, c) = ((1, 40_000), (2, 80), (3, 5_000));
        let at = |second, from| (second, packet(from, b, flag::ACK, 1));
        let packets = [at(0, a), at(100, a), at(130, c), at(221, a), at(9_000_000, c), at(222, a), at(223, c)];
        let expected = [
            (1, 2, "idle"),
            (3, 1, "idle"),
            (4, 1, "idle"),
            (5, 1, "idle"),
            (6, 1, "capture_end"),
            (7, 1, "capture_end"),
        ];
        assert_eq!(run(10, &packets), expected);
    }

    #[test]
    fn the_one_silent_for_longest_goes_when_there_are_too_many() {
        let at = |i: i64, port| (i, packet((1, port), (2, 80), flag::SYN, 1));
        let packets = [at(1, 5_001), at(2, 5_002), at(3, 5_001), at(4, 5_003), at(5, 5_004), at(6, 5_002)];
        let limit = "limit_of_open_flows";
        let expected = [(2, 1, limit), (1, 2, limit), (4, 1, limit), (5, 1, "capture_end"), (6, 1, "capture_end")];
        assert_eq!(run(2, &packets), expected);
    }

    #[test]
    fn the_client_is_who_opened_even_if_the_answer_was_captured_first() {
        let answer = packet((2, 80), (1, 40_000), flag::SYN | flag::ACK, 1);
        let middle = packet((2, 443), (1, 40_000), flag::ACK, 1);
        for (bytes, server) in [(answer, 80), (middle, 443)] {
            let packet = Packet { time_us: 0, link: 101, data: &bytes, length: 40 };
            let position = Position { line: 1, offset: 0, length: 0 };
            let flow = Flow::begun_by(&Segment::of(&packet).unwrap(), 0, position);
            assert_eq!((flow.server.port, flow.began_before, flow.came_about()), (server, true, None));
        }
    }
}
