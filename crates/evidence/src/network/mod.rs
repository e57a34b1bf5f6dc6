//! Packet captures: packets become flows, the names that were asked for, and the requests that were sent in the open.
//!
//! A capture is cut into its blocks before it comes here. Blocks and packets are read by hand, since each is at hand
//! as one slice already; `etherparse` takes the network's headers apart.

mod capture;
mod dns;
mod event;
mod flows;
mod http;
mod packet;
mod tls;

use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use capture::{Block, Capture};
use event::EventWriter;
use flows::{Flows, Seen};
use packet::{Segment, Transport};

/// The port on which names are asked for.
const DNS_PORT: u16 = 53;

/// Reads captures of libpcap and of its next generation.
#[derive(Default)]
pub(crate) struct PacketCapture {
    capture: Capture,
    flows: Flows,
    writer: EventWriter,
}

impl Reader for PacketCapture {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let refuse = |harvest: &mut Harvest, reason: &'static str| harvest.unread_lines(line.position, 1, reason);
        let packet = match self.capture.block(line.raw, line.position.offset == 0) {
            Block::Packet(packet) => packet,
            Block::Framing => return harvest.framing(line),
            Block::Refused(reason) => return refuse(harvest, reason),
        };
        let segment = match Segment::of(&packet) {
            Ok(segment) => segment,
            Err(reason) => return refuse(harvest, reason),
        };
        let PacketCapture { flows, writer, .. } = self;
        let seen = flows.packet(&segment, packet.time_us, line.position, |flow, why| writer.flow(flow, why, harvest));
        let at = (packet.time_us, line.position);
        if segment.transport == Transport::Udp && segment.to.port == DNS_PORT {
            dns::questions(segment.payload, |question| writer.dns(at, &segment, question, harvest));
        }
        if seen == Seen::FirstPayloadOfClient {
            if let Some(request) = http::request(segment.payload) {
                writer.http(at, &segment, &request, harvest);
            } else if let Some(hello) = tls::client_hello(segment.payload) {
                flows.is_tls(hello.server_name);
            }
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        let PacketCapture { flows, writer, .. } = self;
        flows.finish(|flow, why| writer.flow(flow, why, harvest));
        self.capture = Capture::default();
    }

    fn takes_text(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::{Formats, Sample, packs_of};
    use crate::options::ReadOptions;
    use crate::samples::read_text;
    use proptest::prelude::*;
    use stanch_packs::Packs;
    use std::sync::LazyLock;

    static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

    static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let packs = packs_of(&Packs::shipped()).unwrap();
        let (_, pack) = packs.iter().find(|(name, _)| name == "formats/pcap").unwrap();
        pack.samples.iter().filter_map(Sample::bytes).collect()
    });

    proptest! {
        /// Accounts are checked where they are drawn up.
        #[test]
        fn no_bytes_make_it_panic_or_lose_count(
            which in 0usize..3, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9)
        ) {
            let mut bytes = SAMPLES[which].clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len() - 24) + 24;
                bytes[at] = byte;
            }
            let (account, _) = read_text("capture", &bytes, &ReadOptions::new(&FORMATS, "UTC"));
            prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
        }
    }
}
