//! Who logs in from where, in the words of MySQL's logs.

/// How the words of a refused login begin.
const DENIED: &str = "Access denied for user '";

/// Bytes that a user's name and address can have.
const ACCOUNT_BYTES_MAX: usize = 2 << 10;

/// `root[root] @ localhost [127.0.0.1]`, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account<'a> {
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
    pub(crate) ip: &'a str,
}

impl<'a> Account<'a> {
    /// Reads `user[account] @ host [address]`.
    pub(crate) fn read(text: &'a str) -> Option<Account<'a>> {
        let (users, place) = text.trim_end().rsplit_once(" @ ")?;
        let (user, _) = users.rsplit_once('[')?;
        let (host, ip) = place.rsplit_once('[')?;
        Some(Account { user: user.trim(), host: host.trim(), ip: ip.trim_end_matches(']') })
    }

    /// The client's address, or its name where the log has no address.
    pub(crate) fn address(&self) -> &'a str {
        if self.ip.is_empty() { self.host } else { self.ip }
    }
}

/// `vendor_x@192.0.2.30 on shop using TCP/IP`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
    pub(crate) database: &'a str,
    pub(crate) protocol: Option<&'static str>,
}

/// Ways to connect, in the log's words and in those of events.
const PROTOCOLS: &[(&str, &str)] = &[
    (" using TCP/IP", "tcp"),
    (" using SSL/TLS", "tls"),
    (" using Socket", "unix"),
    (" using Named Pipe", "pipe"),
    (" using Named pipe", "pipe"),
    (" using Shared Memory", "memory"),
    (" using Shared memory", "memory"),
];

impl<'a> Login<'a> {
    /// Whether a line is the end of such words.
    pub(crate) fn ends(text: &str) -> bool {
        PROTOCOLS.iter().any(|(words, _)| text.ends_with(words)) && Login::read(text).is_some()
    }

    /// Reads what a `Connect` or `Change user` line says. Its database may hold any words, an account's name too, so
    /// that the first place counts where an address can end.
    pub(crate) fn read(text: &'a str) -> Option<Login<'a>> {
        let known = PROTOCOLS.iter().find_map(|(words, name)| Some((text.strip_suffix(words)?, *name)));
        let (text, protocol) = known.map_or((text, None), |(text, name)| (text, Some(name)));
        let ends = text.match_indices(" on").map(|(at, _)| at).take_while(|at| *at < ACCOUNT_BYTES_MAX);
        ends.filter_map(|at| {
            let database =
                text[at + " on".len()..].strip_prefix(' ').or_else(|| text.strip_suffix(" on").map(|_| ""))?;
            let account = text[..at].split_once(" as ").map_or(&text[..at], |(account, _)| account);
            let (user, host) = account.rsplit_once('@')?;
            (!host.contains(char::is_whitespace)).then_some(Login { user, host, database, protocol })
        })
        .next()
    }
}

/// `Access denied for user 'x'@'192.0.2.30' (using password: YES)`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied<'a> {
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
    pub(crate) database: Option<&'a str>,
}

impl<'a> Denied<'a> {
    /// Whether a text begins like such words.
    pub(crate) fn begins(text: &str) -> bool {
        text.starts_with(DENIED)
    }

    /// Whether the words have come to an end, which a line feed in a name puts off.
    pub(crate) fn is_whole(text: &str) -> bool {
        let names_a_database = || text.rsplit_once("' to database '").is_some_and(|(_, name)| name.ends_with('\''));
        Denied::begins(text) && (Denied::ends(text) || names_a_database() || text.ends_with("'. Account is locked."))
    }

    /// Whether a line is the end of such words.
    pub(crate) fn ends(text: &str) -> bool {
        text.ends_with("' (using password: YES)") || text.ends_with("' (using password: NO)")
    }

    /// Reads the words. The name is whatever the client sent: it may hold quotes, so that the address is found from
    /// behind.
    pub(crate) fn read(text: &'a str) -> Option<Denied<'a>> {
        let rest = text.strip_prefix(DENIED)?;
        let (account, database) = match rest.split_once("' to database '") {
            Some((account, name)) if !Denied::ends(text) => (account, Some(name.trim_end_matches('\''))),
            _ => (rest, None),
        };
        let (user, after) = account.rsplit_once("'@'")?;
        let host = after.split('\'').next().unwrap_or(after);
        Some(Denied { user, host, database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accounts_in_every_writing() {
        let read = |text| Account::read(text).map(|a| (a.user, a.host, a.ip, a.address()));
        assert_eq!(read("root[root] @ localhost []"), Some(("root", "localhost", "", "localhost")));
        assert_eq!(
            read("shop[shop] @ web1.shop.example [192.0.2.30]"),
            Some(("shop", "web1.shop.example", "192.0.2.30", "192.0.2.30"))
        );
        assert_eq!(read("[event] @  []"), Some(("", "", "", "")));
        assert_eq!(read("root"), None);
    }

    #[test]
    fn logins_say_who_from_where_and_how() {
        let read = |text| Login::read(text).map(|l| (l.user, l.host, l.database, l.protocol));
        assert_eq!(read("shop@192.0.2.30 on shop using TCP/IP"), Some(("shop", "192.0.2.30", "shop", Some("tcp"))));
        assert_eq!(read("root@localhost on  using Socket"), Some(("root", "localhost", "", Some("unix"))));
        assert_eq!(read("root@localhost on "), Some(("root", "localhost", "", None)));
        assert_eq!(read("root@localhost on"), Some(("root", "localhost", "", None)));
        assert_eq!(read("a@h as b on shop"), Some(("a", "h", "shop", None)));
        assert_eq!(read("a on b@h on shop"), Some(("a on b", "h", "shop", None)));
        assert_eq!(read("a"), None);
    }

    #[test]
    fn refused_names_are_read_from_behind() {
        let read = |text| Denied::read(text).map(|d| (d.user, d.host, d.database));
        assert_eq!(
            read("Access denied for user 'x'@'y' (using password: YES)'@'192.0.2.30' (using password: NO)"),
            Some(("x'@'y' (using password: YES)", "192.0.2.30", None))
        );
        assert_eq!(read("Access denied for user 'v'@'%' to database 'shop'"), Some(("v", "%", Some("shop"))));
        assert!(Denied::is_whole("Access denied for user 'v'@'%' to database 'shop'"));
        assert!(!Denied::is_whole("Access denied for user 'a"));
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "(Access denied for user ')?[a@ '\\[\\]on\né]{0,40}") {
            let _ = (Account::read(&text), Login::read(&text), Denied::read(&text), Denied::is_whole(&text));
        }
    }
}
