//! The blocks of a capture: which hold a packet, when it was seen, and on what kind of link.

/// A packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Microseconds since 1970.
    pub(super) time_us: i64,
    /// The link's number in the registry of link types.
    pub(super) link: u16,
    /// The bytes that were kept of it.
    pub(super) data: &'a [u8],
    /// Bytes that it had on the wire.
    pub(super) length: u32,
}

/// What a block is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// It tells how to read others, or about the capture.
    Framing,
    /// It cannot be used, and why not.
    Refused(&'static str),
}

/// Where in a capture the reading is.
#[derive(Debug, Default)]
pub(super) enum Capture {
    /// Before its head.
    #[default]
    Unknown,
    /// One head, then packets.
    Pcap { big: bool, nanoseconds: bool, link: u16 },
    /// Sections of interfaces and packets.
    PcapNg { big: bool, interfaces: Vec<Interface> },
}

/// An interface on which packets were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    link: u16,
    tick: Tick,
    offset_s: i64,
}

/// The unit in which an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    /// A power of ten to a second.
    Tenths(u32),
    /// A power of two to a second.
    Halves(u32),
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Interfaces of one section that are kept.
const INTERFACES_MAX: usize = 65_536;

const CUT: &str = "a packet cut off by the end of the file";
const FORGED: &str = "a block whose lengths contradict each other";

impl Capture {
    /// Reads the next block. `is_first` is the one at the file's very beginning.
    pub(super) fn block<'a>(&mut self, bytes: &'a [u8], is_first: bool) -> Block<'a> {
        if is_first {
            *self = match head(bytes) {
                Some(capture) => capture,
                None => return Block::Refused("the capture's head is cut off or broken"),
            };
            if matches!(self, Capture::Pcap { .. }) {
                return Block::Framing;
            }
        }
        match self {
            Capture::Unknown => Block::Refused("a packet behind a head that could not be read"),
            Capture::Pcap { big, nanoseconds, link } => {
                pcap_packet(bytes, *big, *nanoseconds, *link).map_or(Block::Refused(CUT), Block::Packet)
            }
            Capture::PcapNg { big, interfaces } => next_generation(bytes, big, interfaces),
        }
    }
}

fn head(bytes: &[u8]) -> Option<Capture> {
    let (big, nanoseconds) = match bytes.get(..4)? {
        b"\xd4\xc3\xb2\xa1" => (false, false),
        b"\x4d\x3c\xb2\xa1" => (false, true),
        b"\xa1\xb2\xc3\xd4" => (true, false),
        b"\xa1\xb2\x3c\x4d" => (true, true),
        b"\x0a\x0d\x0d\x0a" => return Some(Capture::PcapNg { big: false, interfaces: Vec::new() }),
        _ => return None,
    };
    // The upper half of the word tells of checksums behind each frame, which do no harm.
    let link = u32_at(bytes, 20, big)? as u16;
    Some(Capture::Pcap { big, nanoseconds, link })
}

fn pcap_packet(bytes: &[u8], big: bool, nanoseconds: bool, link: u16) -> Option<Packet<'_>> {
    let (seconds, fraction) = (u32_at(bytes, 0, big)?, u32_at(bytes, 4, big)?);
    let (kept, length) = (u32_at(bytes, 8, big)?, u32_at(bytes, 12, big)?);
    let data = bytes.get(16..)?.get(..kept as usize)?;
    let fraction_us = i64::from(if nanoseconds { fraction / 1_000 } else { fraction });
    Some(Packet { time_us: i64::from(seconds) * 1_000_000 + fraction_us, link, data, length: length.max(kept) })
}

fn next_generation<'a>(bytes: &'a [u8], big: &mut bool, interfaces: &mut Vec<Interface>) -> Block<'a> {
    if bytes.starts_with(&SECTION.to_be_bytes()) {
        *big = bytes.get(8..12) == Some(b"\x1a\x2b\x3c\x4d");
        interfaces.clear();
    }
    let (Some(kind), Some(length)) = (u32_at(bytes, 0, *big), u32_at(bytes, 4, *big)) else {
        return Block::Refused(CUT);
    };
    if bytes.len() < length as usize {
        return Block::Refused(CUT);
    }
    let Some(body) = bytes.get(8..(length as usize).saturating_sub(4)) else { return Block::Refused(FORGED) };
    if u32_at(bytes, 8 + body.len(), *big) != Some(length) {
        return Block::Refused(FORGED);
    }
    match kind {
        INTERFACE if interfaces.len() >= INTERFACES_MAX => Block::Refused("more interfaces than can be told apart"),
        INTERFACE => match interface(body, *big) {
            Some(found) => {
                interfaces.push(found);
                Block::Framing
            }
            None => Block::Refused(FORGED),
        },
        ENHANCED_PACKET | PACKET => packet(body, kind, *big, interfaces),
        SIMPLE_PACKET => Block::Refused("a packet without a time (simple packet block)"),
        _ => Block::Framing,
    }
}

fn packet<'a>(body: &'a [u8], kind: u32, big: bool, interfaces: &[Interface]) -> Block<'a> {
    let number =
        if kind == PACKET { u16_at(body, 0, big).map(usize::from) } else { u32_at(body, 0, big).map(|n| n as usize) };
    let numbers = [4, 8, 12, 16].map(|at| u32_at(body, at, big));
    let (Some(number), [Some(high), Some(low), Some(kept), Some(length)]) = (number, numbers) else {
        return Block::Refused(FORGED);
    };
    let Some(interface) = interfaces.get(number) else {
        return Block::Refused("a packet of an interface that was not announced");
    };
    let Some(data) = body.get(20..).and_then(|rest| rest.get(..kept as usize)) else { return Block::Refused(FORGED) };
    let ticks = u64::from(high) << 32 | u64::from(low);
    match interface.time_us(ticks) {
        Some(time_us) => Block::Packet(Packet { time_us, link: interface.link, data, length: length.max(kept) }),
        None => Block::Refused("a packet whose time cannot be"),
    }
}

fn interface(body: &[u8], big: bool) -> Option<Interface> {
    let (link, _) = (u16_at(body, 0, big)?, u32_at(body, 4, big)?);
    let mut interface = Interface { link, tick: Tick::Tenths(6), offset_s: 0 };
    let mut at = 8;
    while let (Some(code), Some(length)) = (u16_at(body, at, big), u16_at(body, at + 2, big)) {
        let Some(value) = body.get(at + 4..at + 4 + usize::from(length)) else { break };
        match (code, value) {
            (0, _) => break,
            (9, [unit, ..]) if unit & 0x80 != 0 => interface.tick = Tick::Halves(u32::from(unit & 0x7f)),
            (9, [unit, ..]) => interface.tick = Tick::Tenths(u32::from(*unit)),
            (14, _) => {
                let bytes: Option<[u8; 8]> = value.get(..8).and_then(|v| v.try_into().ok());
                let read = if big { i64::from_be_bytes } else { i64::from_le_bytes };
                interface.offset_s = bytes.map_or(0, read);
            }
            _ => {}
        }
        at += 4 + usize::from(length).next_multiple_of(4);
    }
    Some(interface)
}

impl Interface {
    fn time_us(self, ticks: u64) -> Option<i64> {
        let us = match self.tick {
            Tick::Tenths(power) => (u128::from(ticks) * 1_000_000) / 10u128.checked_pow(power)?,
            Tick::Halves(power) => (u128::from(ticks) * 1_000_000).checked_shr(power)?,
        };
        let us = i64::try_from(us).ok()?;
        us.checked_add(self.offset_s.checked_mul(1_000_000)?)
    }
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let read = if big { u16::from_be_bytes } else { u16::from_le_bytes };
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(read)
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let read = if big { u32::from_be_bytes } else { u32::from_le_bytes };
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pcapng_block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
        let number = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let length = number(u32::try_from(body.len()).unwrap() + 12);
        [&number(kind)[..], &length, body, &length].concat()
    }

    #[test]
    fn pcap_is_read_in_either_byte_order_and_unit() {
        for (magic, big, fraction) in [
            (b"\xd4\xc3\xb2\xa1", false, 5_u32),
            (b"\x4d\x3c\xb2\xa1", false, 5_999),
            (b"\xa1\xb2\xc3\xd4", true, 5),
            (b"\xa1\xb2\x3c\x4d", true, 5_000),
        ] {
            let number = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let head = [&magic[..], &[0; 16], &number(1)].concat();
            let packet = [&number(7)[..], &number(fraction), &number(2), &number(60), b"ab"].concat();
            let mut capture = Capture::default();
            assert_eq!(capture.block(&head, true), Block::Framing);
            let expected = Packet { time_us: 7_000_005, link: 1, data: b"ab", length: 60 };
            assert_eq!(capture.block(&packet, false), Block::Packet(expected));
            assert_eq!(capture.block(&packet[..17], false), Block::Refused(CUT));
        }
    }

    #[test]
    fn interfaces_have_their_own_units_and_forged_lengths_are_refused() {
        for big in [false, true] {
            let n32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let n16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let mut capture = Capture::default();
            let section = pcapng_block(SECTION, &[&n32(0x1a2b_3c4d)[..], &[0; 12]].concat(), big);
            assert_eq!(capture.block(&section, true), Block::Framing);
            let unit = [&n16(1)[..], &[0; 6], &n16(9), &n16(1), &[9, 0, 0, 0], &n16(0), &n16(0)].concat();
            assert_eq!(capture.block(&pcapng_block(INTERFACE, &unit, big), false), Block::Framing);
            let ticks = 3_000_001_000_u64;
            let (high, low) = ((ticks >> 32) as u32, ticks as u32);
            let body = [&n32(0)[..], &n32(high), &n32(low), &n32(2), &n32(2), b"ab\0\0"].concat();
            let mut block = pcapng_block(ENHANCED_PACKET, &body, big);
            let expected = Packet { time_us: 3_000_001, link: 1, data: b"ab", length: 2 };
            assert_eq!(capture.block(&block, false), Block::Packet(expected));
            let last = block.len() - 4;
            block[last..].copy_from_slice(&n32(12));
            assert_eq!(capture.block(&block, false), Block::Refused(FORGED));
            let forged = [&n32(0)[..], &n32(high), &n32(low), &n32(90), &n32(2), b"ab\0\0"].concat();
            assert_eq!(capture.block(&pcapng_block(ENHANCED_PACKET, &forged, big), false), Block::Refused(FORGED));
        }
    }

    #[test]
    fn units_that_cannot_be_are_no_panic() {
        let interface = |tick| Interface { link: 1, tick, offset_s: i64::MAX };
        assert_eq!(interface(Tick::Tenths(127)).time_us(u64::MAX), None);
        assert_eq!(interface(Tick::Halves(127)).time_us(u64::MAX), None);
        let halves = Interface { offset_s: 1, ..interface(Tick::Halves(10)) };
        assert_eq!(halves.time_us(2_048), Some(3_000_000));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..4), kind in 0usize..5) {
            let magics: [&[u8]; 5] = [b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a", b"", b"\x4d\x3c\xb2\xa1"];
            let mut capture = Capture::default();
            for (i, block) in blocks.iter().enumerate() {
                let bytes = if i == 0 { [magics[kind], block].concat() } else { block.clone() };
                let _ = capture.block(&bytes, i == 0);
            }
        }
    }
}
