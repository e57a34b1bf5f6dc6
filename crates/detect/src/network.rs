//! Addresses as networks, and those that somebody vouches for.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use stanch_model::store::KnownNetwork;
use std::net::IpAddr;

/// The network of an address: IPv4 /24, IPv6 /48. What is no address (`[local]`) is its own network.
pub(crate) fn network(address: &str) -> String {
    match parse(address) {
        Some(IpAddr::V4(ip)) => Ipv4Net::new(ip, 24).map_or_else(|_| address.to_owned(), |n| n.trunc().to_string()),
        Some(IpAddr::V6(ip)) => Ipv6Net::new(ip, 48).map_or_else(|_| address.to_owned(), |n| n.trunc().to_string()),
        None => address.to_owned(),
    }
}

fn parse(address: &str) -> Option<IpAddr> {
    address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The networks that are known to be the store's own or its vendors'.
#[derive(Debug)]
pub(crate) struct Known {
    nets: Vec<IpNet>,
}

impl Known {
    pub(crate) fn new(networks: &[KnownNetwork]) -> Known {
        Known { nets: networks.iter().map(|n| n.net).collect() }
    }

    /// Whether somebody vouches for the address.
    pub(crate) fn covers(&self, address: &str) -> bool {
        parse(address).is_some_and(|ip| self.nets.iter().any(|n| n.contains(&ip)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_its_network() {
        let networks = ["203.0.113.77", "::ffff:203.0.113.78", "2001:db8:1:2::9", "[local]", ""].map(network);
        assert_eq!(networks, ["203.0.113.0/24", "203.0.113.0/24", "2001:db8:1::/48", "[local]", ""]);
    }
}
