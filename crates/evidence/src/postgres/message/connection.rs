//! Messages about connections: received, authenticated, authorised, ended.

use crate::targets::scaled;

/// What the server says of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connection<'a> {
    pub(crate) step: Step,
    pub(crate) user: Option<&'a str>,
    pub(crate) database: Option<&'a str>,
    pub(crate) app: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) port: Option<i64>,
    /// Whom the authentication method says it is, and the method.
    pub(crate) identity: Option<&'a str>,
    pub(crate) method: Option<&'a str>,
    /// The version of TLS.
    pub(crate) tls: Option<&'a str>,
    /// How long it lasted.
    pub(crate) us: Option<i64>,
    /// Whether it is for replication: it can take every row there is.
    pub(crate) replicates: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody connected; who, is not known yet.
    #[default]
    Received,
    /// Somebody proved who they are.
    Authenticated,
    /// Somebody was let in.
    Authorized,
    /// Somebody left.
    Left,
}

/// Reads a message about a connection. Nothing if it is about something else.
pub(crate) fn connection(text: &str) -> Option<Connection<'_>> {
    let (head, rest) = text.split_once(": ")?;
    let mut connection = Connection::default();
    match head {
        "connection received" => {
            connection.host = value_of(rest, "host=", &[" port="]);
            connection.port = port_of(rest);
        }
        "connection authenticated" => {
            connection.step = Step::Authenticated;
            // PostgreSQL 17 has no identity for a connection that it trusts, only the user.
            connection.user = quoted(rest, "user=\"");
            connection.identity = quoted(rest, "identity=\"");
            connection.method = value_of(rest, "method=", &[" ("]);
        }
        "connection authorized" | "replication connection authorized" => {
            connection.step = Step::Authorized;
            connection.replicates = head.starts_with('r');
            connection.user =
                value_of(rest, "user=", &[" database=", " application_name=", " SSL enabled (", " GSS ("]);
            connection.database = value_of(rest, " database=", &[" application_name=", " SSL enabled (", " GSS ("]);
            connection.app = value_of(rest, " application_name=", &[" SSL enabled (", " GSS ("]);
            connection.tls = value_of(rest, " SSL enabled (protocol=", &[","]);
        }
        "disconnection" => {
            connection.step = Step::Left;
            let time = value_of(rest, "session time: ", &[" user=", "\nuser="]);
            connection.us = time.and_then(session_time_us);
            connection.user = value_of(rest, "user=", &[" database="]);
            connection.database = value_of(rest, " database=", &[" host="]);
            connection.host = value_of(rest, " host=", &[" port="]);
            connection.port = port_of(rest);
        }
        _ => return None,
    }
    Some(connection)
}

/// The value behind a name, up to the first of what may follow it. Names that an intruder chose may hold blanks, and
/// even what looks like the next name; the record's own columns say them whole where the format has columns.
fn value_of<'a>(text: &'a str, name: &str, ends: &[&str]) -> Option<&'a str> {
    let from = text.find(name)? + name.len();
    let rest = &text[from..];
    let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    Some(rest[..end].trim_end()).filter(|v| !v.is_empty())
}

fn quoted<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = &text[text.find(name)? + name.len()..];
    rest.split("\" method=").next().filter(|v| !v.is_empty())
}

fn port_of(text: &str) -> Option<i64> {
    let (_, port) = text.rsplit_once("port=")?;
    port.split([' ', ')']).next()?.parse().ok()
}

fn session_time_us(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds_us = scaled(parts.next()?, 1_000_000)?;
    hours.checked_mul(3_600_000_000)?.checked_add(minutes.checked_mul(60_000_000)?)?.checked_add(seconds_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connections_say_who_from_where_and_how() {
        let c = connection("connection received: host=192.0.2.7 port=41").unwrap();
        assert_eq!((c.step, c.host, c.port), (Step::Received, Some("192.0.2.7"), Some(41)));
        let c = connection("connection authenticated: identity=\"CN=a b\" method=cert (/etc/pg_hba.conf:9)").unwrap();
        assert_eq!((c.step, c.identity, c.method, c.user), (Step::Authenticated, Some("CN=a b"), Some("cert"), None));
        let c = connection("connection authenticated: user=\"store\" method=trust (/etc/pg_hba.conf:9)").unwrap();
        assert_eq!((c.user, c.method), (Some("store"), Some("trust")));
        let c = connection(
            "connection authorized: user=vendor x database=store application_name=a=b c SSL enabled (protocol=TLSv1.3, \
             cipher=TLS_AES_256_GCM_SHA384, bits=256)",
        )
        .unwrap();
        assert_eq!((c.step, c.user, c.database), (Step::Authorized, Some("vendor x"), Some("store")));
        assert_eq!((c.app, c.tls, c.replicates), (Some("a=b c"), Some("TLSv1.3"), false));
        let c = connection("replication connection authorized: user=repl application_name=walreceiver").unwrap();
        assert_eq!((c.user, c.database, c.app, c.replicates), (Some("repl"), None, Some("walreceiver"), true));
        let c = connection("disconnection: session time: 1:00:02.5 user=u database=d host=192.0.2.7 port=41").unwrap();
        assert_eq!((c.step, c.us, c.user, c.port), (Step::Left, Some(3_602_500_000), Some("u"), Some(41)));
        assert_eq!(connection("checkpoint starting: time"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(connection (received|authorized|authenticated)|disconnection): ( ?(user|host|port|database|identity|method|session time)[=:]\"?|\\PC){0,20}") {
            let _ = connection(&text);
        }
    }
}
