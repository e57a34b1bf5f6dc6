//! From requests to what their routes read: queries with the parameters filled in.

use super::{Accesses, Answered, COMMIT_LAG_US, Gathering, Request, Unknown};
use crate::platform::{Paging, Route};
use crate::routes::{self, Matched};
use std::collections::BTreeMap;

impl Gathering<'_> {
    pub(super) fn finish(mut self) -> Accesses {
        for request in std::mem::take(&mut self.requests) {
            let Some(service) = self.platform.services.get(&request.service) else {
                self.unknown(&request);
                continue;
            };
            match routes::find(service, &request.method, &request.target) {
                Matched::Route { name, route, parameters } if route.returns_with.contains(&request.status) => {
                    self.answered(&request, name, route, parameters);
                }
                Matched::Unknown if (200..300).contains(&request.status) && request.method != "HEAD" => {
                    self.unknown(&request);
                }
                Matched::Public => {
                    self.accesses.public_requests += 1;
                    self.accesses.public_bytes += u64::try_from(request.bytes.unwrap_or(0)).unwrap_or(0);
                }
                _ => self.accesses.refused_requests += 1,
            }
        }
        self.accesses
    }

    fn unknown(&mut self, request: &Request) {
        let word = request.uid.as_ref().and_then(|uid| self.words.get(uid));
        self.accesses.unknown.push(Unknown {
            spot: request.spot,
            account: word.and_then(|w| w.account.clone()),
            bytes: request.bytes.unwrap_or(0),
        });
    }

    fn answered(&mut self, request: &Request, name: &str, route: &Route, mut parameters: BTreeMap<String, String>) {
        let word = request.uid.as_ref().and_then(|uid| self.words.get(uid)).cloned().unwrap_or_default();
        if let Some(paging) = &route.paging {
            page(paging, &mut parameters);
        }
        let asks_account = route.reads.iter().any(|sql| sql.contains(":account"));
        let guesses: Vec<String> = match (&word.account, asks_account) {
            (Some(account), _) => vec![account.clone()],
            (None, false) => vec![String::new()],
            (None, true) => {
                let address = request.address.as_deref().unwrap_or_default();
                self.accounts_of_address.get(address).into_iter().flatten().cloned().collect()
            }
        };
        let end = word.time.map_or(request.spot.time.0.saturating_add(1_000_000), |t| t.0);
        let mut reads = Vec::new();
        for account in &guesses {
            parameters.insert("account".to_owned(), account.clone());
            reads.extend(route.reads.iter().map(|sql| fill(sql, &parameters)));
        }
        self.accesses.answered.push(Answered {
            spot: request.spot,
            route: format!("{}/{name}", request.service),
            pattern: format!("{} {}", route.method, route.path),
            reads,
            account_guessed: asks_account && word.account.is_none(),
            rows: word.rows,
            bytes: request.bytes,
            during: (end - request.duration - COMMIT_LAG_US, end),
        });
    }
}

fn page(paging: &Paging, parameters: &mut BTreeMap<String, String>) {
    let positive = |text: Option<&String>| text.and_then(|t| t.parse::<i64>().ok()).filter(|n| *n > 0);
    let number = positive(parameters.get(&paging.page)).unwrap_or(1);
    let rows = paging.rows.parse::<i64>().ok().or_else(|| positive(parameters.get(&paging.rows))).unwrap_or(50);
    parameters.insert("page_rows".to_owned(), rows.to_string());
    parameters.insert("page_start".to_owned(), (number.saturating_sub(1)).saturating_mul(rows).to_string());
}

/// Fills `:name` with a literal. All but the numbers of paging are quoted: a quoted number still compares as a number
/// with a column of numbers, and with a column of text it must not turn the column into numbers.
pub(crate) fn fill(sql: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon);
        let length = after[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len() - 1);
        let name = &after[1..=length];
        text.push_str(before);
        match parameters.get(name) {
            Some(value) if name.starts_with("page_") && value.parse::<u64>().is_ok() => text.push_str(value),
            Some(value) => text.push_str(&format!("'{}'", value.replace('\'', "''"))),
            None => {
                text.push(':');
                text.push_str(name);
            }
        }
        rest = &after[1 + length..];
        if name.is_empty() && rest.starts_with(':') {
            text.push(':');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_and_never_sql() {
        let parameters =
            BTreeMap::from([("id".to_owned(), "7".to_owned()), ("n".to_owned(), "x' OR '1'='1".to_owned())]);
        assert_eq!(
            fill("SELECT a::text FROM t WHERE id = :id AND n = :n AND z = :zz", &parameters),
            "SELECT a::text FROM t WHERE id = '7' AND n = 'x'' OR ''1''=''1' AND z = :zz"
        );
    }

    #[test]
    fn pages_start_where_the_store_starts_them() {
        let paging = Paging { page: "page".into(), rows: "page_size".into() };
        let mut parameters =
            BTreeMap::from([("page".to_owned(), "3".to_owned()), ("page_size".to_owned(), "20".to_owned())]);
        page(&paging, &mut parameters);
        assert_eq!((parameters["page_rows"].as_str(), parameters["page_start"].as_str()), ("20", "40"));
        let mut odd = BTreeMap::from([("page".to_owned(), "-1".to_owned())]);
        page(&paging, &mut odd);
        assert_eq!((odd["page_rows"].as_str(), odd["page_start"].as_str()), ("50", "0"));
    }
}
