//! A packet's addresses, ports and payload, whatever link it came over.

use super::capture::Packet;
use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::IpAddr;

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct End {
    pub(super) ip: IpAddr,
    /// 0 where the protocol has none.
    pub(super) port: u16,
}

/// What is carried over IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Transport {
    Tcp,
    Udp,
    /// By its number in the registry.
    Other(u8),
}

/// Flags of a TCP segment, as bits.
pub(super) mod flag {
    pub(in super::super) const FIN: u8 = 1;
    pub(in super::super) const SYN: u8 = 2;
    pub(in super::super) const RST: u8 = 4;
    pub(in super::super) const PSH: u8 = 8;
    pub(in super::super) const ACK: u8 = 16;
    pub(in super::super) const URG: u8 = 32;
    /// Their names, lowest bit first.
    pub(in super::super) const NAMES: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
}

/// What matters of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) transport: Transport,
    /// Bytes of the IP packet on the wire, its headers included.
    pub(super) ip_bytes: u64,
    /// Bytes that TCP, UDP or IP carried on the wire.
    pub(super) payload_bytes: u64,
    /// What was captured of them.
    pub(super) payload: &'a [u8],
    /// TCP's.
    pub(super) flags: u8,
    /// TCP's.
    pub(super) sequence: u32,
    /// ICMP's type and code.
    pub(super) icmp: Option<(u8, u8)>,
}

const NO_IP: &str = "no IP packet (ARP, …)";
const BROKEN: &str = "an IP packet whose headers are cut off or broken";
const UNKNOWN_LINK: &str = "a kind of link that is not read; Ethernet, raw IP, Linux cooked, null and loopback are";

impl<'a> Segment<'a> {
    /// Takes a packet apart.
    pub(super) fn of(packet: &Packet<'a>) -> Result<Segment<'a>, &'static str> {
        let data = packet.data;
        let sliced = match packet.link {
            1 => LaxSlicedPacket::from_ethernet(data).map_err(|_| NO_IP)?,
            0 | 108 => after_family(data)?,
            12 | 14 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(data).map_err(|_| BROKEN)?,
            113 => cooked(data, 14, 16)?,
            276 => cooked(data, 0, 20)?,
            _ => return Err(UNKNOWN_LINK),
        };
        Segment::of_slices(&sliced, packet)
    }

    fn of_slices(sliced: &LaxSlicedPacket<'a>, packet: &Packet<'a>) -> Result<Segment<'a>, &'static str> {
        let (from, to, stated, header, body) = match &sliced.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let (from, to) = (header.source_addr().into(), header.destination_addr().into());
                (from, to, u64::from(header.total_len()), header.slice().len(), ip.payload())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                let (from, to): (IpAddr, IpAddr) = (header.source_addr().into(), header.destination_addr().into());
                let stated = match header.payload_length() {
                    0 => 0,
                    length => u64::from(length) + 40,
                };
                (from, to, stated, header.slice().len(), ip.payload())
            }
            // Ethernet frames of IP whose header could not be read are no other protocol's.
            _ if sliced.stop_err.is_some() => return Err(BROKEN),
            _ => return Err(NO_IP),
        };
        let lost = u64::from(packet.length).saturating_sub(packet.data.len() as u64);
        // Cards that cut segments themselves leave the length out.
        let ip_bytes = if stated > 0 { stated } else { (header + body.payload.len()) as u64 + lost };
        let mut segment = Segment {
            from: End { ip: from, port: 0 },
            to: End { ip: to, port: 0 },
            transport: Transport::Other(body.ip_number.0),
            ip_bytes,
            payload_bytes: 0,
            payload: body.payload,
            flags: 0,
            sequence: 0,
            icmp: None,
        };
        match &sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                segment.transport = Transport::Tcp;
                (segment.from.port, segment.to.port) = (tcp.source_port(), tcp.destination_port());
                segment.payload = tcp.payload();
                segment.sequence = tcp.sequence_number();
                let flags = [
                    (tcp.fin(), flag::FIN),
                    (tcp.syn(), flag::SYN),
                    (tcp.rst(), flag::RST),
                    (tcp.psh(), flag::PSH),
                    (tcp.ack(), flag::ACK),
                    (tcp.urg(), flag::URG),
                ];
                segment.flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, bit)| all | bit);
            }
            Some(TransportSlice::Udp(udp)) => {
                segment.transport = Transport::Udp;
                (segment.from.port, segment.to.port) = (udp.source_port(), udp.destination_port());
                segment.payload = udp.payload();
            }
            Some(TransportSlice::Icmpv4(icmp)) => segment.icmp = Some((icmp.type_u8(), icmp.code_u8())),
            Some(TransportSlice::Icmpv6(icmp)) => segment.icmp = Some((icmp.type_u8(), icmp.code_u8())),
            // A later fragment has no ports, a header that was not captured neither.
            _ => match body.ip_number.0 {
                6 => segment.transport = Transport::Tcp,
                17 => segment.transport = Transport::Udp,
                _ => {}
            },
        }
        segment.payload_bytes = segment.payload.len() as u64 + if body.incomplete { lost } else { 0 };
        Ok(segment)
    }
}

/// Behind the number of an address family, in the byte order of whoever captured.
fn after_family(data: &[u8]) -> Result<LaxSlicedPacket<'_>, &'static str> {
    let (family, rest) = data.split_first_chunk::<4>().ok_or(NO_IP)?;
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    // IPv4 has one number everywhere, IPv6 one on each system.
    if !matches!(family, 2 | 10 | 24 | 28 | 30) {
        return Err(NO_IP);
    }
    LaxSlicedPacket::from_ip(rest).map_err(|_| BROKEN)
}

/// Behind the head that Linux puts in the place of a link's own.
fn cooked(data: &[u8], protocol_at: usize, head: usize) -> Result<LaxSlicedPacket<'_>, &'static str> {
    let protocol = data.get(protocol_at..protocol_at + 2).ok_or(NO_IP)?;
    let rest = data.get(head..).ok_or(NO_IP)?;
    Ok(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([protocol[0], protocol[1]])), rest))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    /// An IPv4 packet with TCP.
    pub(in super::super) fn tcp(from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut builder =
            PacketBuilder::ipv4([192, 0, 2, from.0], [192, 0, 2, to.0], 64).tcp(from.1, to.1, sequence, 1_000);
        for (bit, name) in flag::NAMES.iter().enumerate() {
            if flags & (1 << bit) != 0 {
                builder = match *name {
                    "FIN" => builder.fin(),
                    "SYN" => builder.syn(),
                    "RST" => builder.rst(),
                    "PSH" => builder.psh(),
                    "ACK" => builder.ack(1),
                    _ => builder.urg(1),
                };
            }
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    fn on(link: u16, data: &[u8]) -> Result<Segment<'_>, &'static str> {
        Segment::of(&Packet { time_us: 0, link, data, length: u32::try_from(data.len()).unwrap() })
    }

    #[test]
    fn the_same_packet_is_found_behind_every_kind_of_link() {
        let ip = tcp((1, 40_000), (2, 80), flag::ACK | flag::PSH, 9, b"hello");
        let ethernet = [&[0; 12][..], b"\x08\x00", &ip].concat();
        let vlan = [&[0; 12][..], b"\x81\x00\x00\x05\x08\x00", &ip].concat();
        let sll = [&[0; 14][..], b"\x08\x00", &ip].concat();
        let sll2 = [b"\x08\x00", &[0; 18][..], &ip].concat();
        let (null, looped) = ([b"\x02\0\0\0", &ip[..]].concat(), [b"\0\0\0\x02", &ip[..]].concat());
        let expected = on(101, &ip).unwrap();
        assert_eq!((expected.from.port, expected.to.port, expected.payload), (40_000, 80, &b"hello"[..]));
        assert_eq!((expected.ip_bytes, expected.payload_bytes, expected.flags), (45, 5, flag::ACK | flag::PSH));
        for (link, data) in [(1, &ethernet), (1, &vlan), (113, &sll), (276, &sll2), (0, &null), (108, &looped)] {
            assert_eq!(on(link, data).as_ref(), Ok(&expected), "link {link}");
        }
        assert_eq!(on(105, &ip), Err(UNKNOWN_LINK));
    }

    #[test]
    fn frames_behind_their_packet_are_padding_and_cut_packets_keep_their_size() {
        let ip = tcp((1, 40_000), (2, 80), flag::ACK, 9, &[b'x'; 100]);
        let padded = [&[0; 12][..], b"\x08\x00", &tcp((1, 1), (2, 2), flag::ACK, 9, b""), &[0; 6]].concat();
        assert_eq!(on(1, &padded).map(|s| (s.ip_bytes, s.payload_bytes)), Ok((40, 0)));
        let cut = Packet { time_us: 0, link: 101, data: &ip[..60], length: 140 };
        let segment = Segment::of(&cut).unwrap();
        assert_eq!((segment.ip_bytes, segment.payload_bytes, segment.payload.len()), (140, 100, 20));
        assert_eq!(on(1, &[&[0; 12][..], b"\x08\x06", &[0; 28]].concat()), Err(NO_IP));
        assert_eq!(on(1, &[&[0; 12][..], b"\x08\x00", &[0x45, 0]].concat()), Err(BROKEN));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(data in prop::collection::vec(any::<u8>(), 0..120), link in 0usize..7, length in any::<u32>()) {
            let link = [1, 0, 108, 101, 113, 276, 228][link];
            let _ = Segment::of(&Packet { time_us: 0, link, data: &data, length });
        }
    }
}
