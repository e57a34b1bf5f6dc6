//! Writes what was found in a capture as events.

use super::dns::{Question, kind_name};
use super::flows::{Flow, Way, Why};
use super::http::Request;
use super::packet::{End, Segment, Transport, flag};
use crate::harvest::Harvest;
use crate::json::Object;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::fmt::Write;

/// Writes events, each into the room of the last.
#[derive(Debug, Default)]
pub(super) struct EventWriter {
    from: String,
    to: String,
    unmapped: Object,
    word: String,
}

impl EventWriter {
    /// A flow that has ended. Its packets count as read from now on.
    pub(super) fn flow(&mut self, flow: &Flow, why: Why, harvest: &mut Harvest) {
        let mut record = Record::new(Instant(flow.first_us), EventClass::NetworkActivity, flow.position);
        let EventWriter { from, to, unmapped, word } = self;
        ends(&mut record, flow.client, flow.server, from, to);
        word.clear();
        record.set_text(TextField::Activity, "traffic");
        record.set_text(TextField::Protocol, if flow.is_tls { "tls" } else { protocol(flow.transport, word) });
        if let Some(came_about) = flow.came_about() {
            record.set_text(TextField::Status, if came_about { "success" } else { "failure" });
        }
        record.set_number(NumberField::DurationUs, flow.last_us.saturating_sub(flow.first_us));
        record.set_number(NumberField::BytesIn, signed(flow.from_client.bytes));
        record.set_number(NumberField::BytesOut, signed(flow.from_server.bytes));
        unmapped.begin();
        unmapped.raw("packets_in", flow.from_client.packets);
        unmapped.raw("packets_out", flow.from_server.packets);
        unmapped.raw("payload_bytes_in", flow.from_client.payload);
        unmapped.raw("payload_bytes_out", flow.from_server.payload);
        flags(unmapped, "tcp_flags_in", flow.from_client);
        flags(unmapped, "tcp_flags_out", flow.from_server);
        if let Some((kind, code)) = flow.icmp {
            unmapped.raw("icmp_type", kind);
            unmapped.raw("icmp_code", code);
        }
        if flow.began_before {
            unmapped.raw("began_before_capture", "true");
        }
        if let Some(name) = &flow.server_name {
            unmapped.text("tls_sni", name);
        }
        unmapped.text("ended_by", flow.ended_by(why));
        if let Some(unmapped) = unmapped.finish() {
            record.set_text(TextField::Unmapped, unmapped);
        }
        harvest.event(record, flow.packets());
    }

    /// A name that was asked for. The packet counts with its flow.
    pub(super) fn dns(
        &mut self,
        (time_us, position): (i64, Position),
        segment: &Segment<'_>,
        question: &Question,
        harvest: &mut Harvest,
    ) {
        let mut record = Record::new(Instant(time_us), EventClass::DnsActivity, position);
        let EventWriter { from, to, unmapped, .. } = self;
        ends(&mut record, segment.from, segment.to, from, to);
        record.set_text(TextField::Activity, "query");
        record.set_text(TextField::Protocol, "udp");
        record.set_text(TextField::DnsName, &question.name);
        unmapped.begin();
        match kind_name(question.kind) {
            Some(name) => unmapped.text("type", name),
            None => unmapped.raw("type", question.kind),
        }
        unmapped.raw("id", question.id);
        if let Some(unmapped) = unmapped.finish() {
            record.set_text(TextField::Unmapped, unmapped);
        }
        harvest.event(record, 0);
    }

    /// A request. The packet counts with its flow.
    pub(super) fn http(
        &mut self,
        (time_us, position): (i64, Position),
        segment: &Segment<'_>,
        request: &Request<'_>,
        harvest: &mut Harvest,
    ) {
        let mut record = Record::new(Instant(time_us), EventClass::HttpActivity, position);
        let EventWriter { from, to, unmapped, .. } = self;
        ends(&mut record, segment.from, segment.to, from, to);
        record.set_text(TextField::HttpMethod, &request.method);
        record.set_text(TextField::Url, &request.target);
        let rest = [
            (TextField::Host, &request.host),
            (TextField::UserAgent, &request.user_agent),
            (TextField::Referrer, &request.referrer),
        ];
        for (field, value) in rest {
            if let Some(value) = value {
                record.set_text(field, value);
            }
        }
        unmapped.begin();
        if let Some(client) = &request.forwarded_for {
            unmapped.text("x-forwarded-for", client);
        }
        if request.is_cut {
            unmapped.raw("head_cut", "true");
        }
        if let Some(unmapped) = unmapped.finish() {
            record.set_text(TextField::Unmapped, unmapped);
        }
        harvest.event(record, 0);
    }
}

/// Writes both ends into a record.
fn ends<'a>(record: &mut Record<'a>, client: End, server: End, from: &'a mut String, to: &'a mut String) {
    for (end, text) in [(client, &mut *from), (server, &mut *to)] {
        text.clear();
        let _ = write!(text, "{}", end.ip.to_canonical());
    }
    record.set_text(TextField::SrcIp, from);
    record.set_text(TextField::DstIp, to);
    if client.port != 0 || server.port != 0 {
        record.set_number(NumberField::SrcPort, i64::from(client.port));
        record.set_number(NumberField::DstPort, i64::from(server.port));
    }
}

fn protocol(transport: Transport, word: &mut String) -> &str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Other(1) => "icmp",
        Transport::Other(2) => "igmp",
        Transport::Other(47) => "gre",
        Transport::Other(50) => "esp",
        Transport::Other(51) => "ah",
        Transport::Other(58) => "ipv6-icmp",
        Transport::Other(89) => "ospf",
        Transport::Other(132) => "sctp",
        Transport::Other(number) => {
            let _ = write!(word, "ip-{number}");
            word
        }
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A direction's flags by their names.
fn flags(unmapped: &mut Object, name: &str, way: Way) {
    if way.flags == 0 {
        return;
    }
    let value = unmapped.name(name);
    value.push('"');
    let set = flag::NAMES.iter().enumerate().filter(|(bit, _)| way.flags & (1 << bit) != 0);
    for (i, (_, word)) in set.enumerate() {
        value.push_str(if i > 0 { " " } else { "" });
        value.push_str(word);
    }
    value.push('"');
}
