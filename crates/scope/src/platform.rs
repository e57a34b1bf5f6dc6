//! The platform pack: where a store keeps personal data, whose each row is, and what each route reads and returns.
//!
//! Several packs are laid over each other, the store's own last: a later table, service or route takes the place of an
//! earlier one of the same name.

use serde::Deserialize;
use stanch_model::{DataClass, Protection};
use stanch_packs::{PackError, Packs};
use std::collections::BTreeMap;

/// One platform pack file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformFile {
    /// For people.
    pub title: String,
    /// Where this was read.
    pub source: String,
    /// How it was checked, and when.
    #[serde(default)]
    pub verified: String,
    /// Where accounts stand. Exactly one of the packs laid over each other says so.
    pub accounts: Option<Accounts>,
    /// Tables with personal data. A table that is not here holds none.
    #[serde(default)]
    pub tables: BTreeMap<String, Table>,
    /// Where residence may be read, by the words of `packs/words/residence.yaml`.
    #[serde(default)]
    pub residence: BTreeMap<String, ResidenceSource>,
    /// Programs that answer requests.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Requests against this file itself: which route each one takes. Run by `stanch packs check`.
    #[serde(default)]
    pub proofs: Vec<RouteProof>,
}

/// The table in which a customer has an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Table.
    pub table: String,
    /// Its key, the customer number.
    pub key: String,
    /// Its e-mail column.
    pub email: String,
    /// Columns that make up the name, in order.
    #[serde(default)]
    pub name: Vec<String>,
}

/// A table with personal data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its key, where the snapshot does not say.
    pub key: Option<String>,
    /// Whose a row is.
    pub owner: Owner,
    /// The column that says when a row came to be, so that rows newer than the snapshot can be placed in time.
    pub created: Option<String>,
    /// Column → data class. A column that is not here holds none.
    pub columns: BTreeMap<String, Column>,
}

/// How a row leads to a person. Exactly one way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// A column with the customer number.
    pub account: Option<String>,
    /// A column with an e-mail, used where the customer number is empty.
    pub email: Option<String>,
    /// This row's column that holds another table's key; the row belongs to that row's owner.
    pub column: Option<String>,
    /// That other table.
    pub of: Option<String>,
    /// A table whose rows point here; the row belongs to the owner of the row that points to it.
    pub pointed_by: Option<String>,
    /// The column of `pointed_by` that holds this table's key.
    pub by: Option<String>,
}

/// What a column holds: a class, several, or a class with the form it stands in.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Readable as it is.
    Plain(DataClass),
    /// Several classes in one value, all readable.
    Several(Vec<DataClass>),
    /// In another form.
    Formed(FormedColumn),
}

/// A class with its form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormedColumn {
    /// The class.
    pub class: DataClass,
    /// The form.
    pub protection: Protection,
    /// Names the scheme: the value up to this character (`$` for `pbkdf2_sha256$…`).
    pub scheme_before: Option<char>,
}

impl Column {
    /// The data classes.
    pub fn classes(&self) -> &[DataClass] {
        match self {
            Column::Plain(class) => std::slice::from_ref(class),
            Column::Several(classes) => classes,
            Column::Formed(formed) => std::slice::from_ref(&formed.class),
        }
    }

    /// The form.
    pub fn protection(&self) -> Protection {
        match self {
            Column::Plain(_) | Column::Several(_) => Protection::Plain,
            Column::Formed(formed) => formed.protection,
        }
    }
}

/// Where a residence may be read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidenceSource {
    /// A table with an owner.
    pub table: String,
    /// Its ISO country column.
    pub country: Option<String>,
    /// Its state column, names or codes.
    pub state: Option<String>,
    /// Its phone column, for the prefix.
    pub phone: Option<String>,
    /// A boolean column that marks the preferred row of a person.
    pub prefer: Option<String>,
}

/// A program that answers requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The database role that it uses, so that its statements can be linked to its requests.
    pub database_role: Option<String>,
    /// Whether it shows the database's error messages.
    #[serde(default)]
    pub shows_errors: bool,
    /// Requests that read or change nothing personal: path patterns, `*` for one segment, `**` for any rest.
    #[serde(default)]
    pub public: Vec<String>,
    /// Requests that do.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
}

/// A kind of request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Method; GET unless said.
    #[serde(default = "get")]
    pub method: String,
    /// Path, with `{name}` for a parameter: `/api/v1/customers/{id}/`.
    pub path: String,
    /// Query parameters with their default and upper bound; path parameters need no entry.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Statuses with which it returns data; 200 unless said.
    #[serde(default = "ok")]
    pub returns_with: Vec<i64>,
    /// What it reads: SQL whose select list is what the response shows. `:name` is a parameter, `:account` the customer
    /// number of the session that asks, `:page_rows` and `:page_start` those of `paging`.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Paging, which gives `:page_rows` and `:page_start`.
    pub paging: Option<Paging>,
    /// The SQL into which a parameter is pasted as it comes, `{name}` for the parameter. For services whose database
    /// keeps no log; with a log, the statement itself is used.
    pub pastes: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> Vec<i64> {
    vec![200]
}

/// A query parameter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Used when it is absent.
    pub default: Option<String>,
    /// Larger numbers are cut to this.
    pub max: Option<i64>,
}

/// Which parameters page through a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Page number, from 1.
    pub page: String,
    /// Rows per page: a parameter's name, or a number.
    pub rows: String,
}

/// A request and the route it must take.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteProof {
    /// `GET /api/v1/customers/42/`.
    pub request: String,
    /// Which service.
    pub service: String,
    /// The route's name, `public`, or `unknown`.
    pub gives: String,
}

/// The packs of one store, laid over each other.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Titles, in order.
    pub titles: Vec<String>,
    /// Where accounts stand.
    pub accounts: Accounts,
    /// Tables with personal data.
    pub tables: BTreeMap<String, Table>,
    /// Residence sources.
    pub residence: BTreeMap<String, ResidenceSource>,
    /// Services.
    pub services: BTreeMap<String, Service>,
    /// States of the US: name in lower case → code.
    pub us_states: BTreeMap<String, String>,
    /// Phone prefix with `+` → country.
    pub phone_prefixes: BTreeMap<String, String>,
}

impl Platform {
    /// Lays the named packs (`oscar` → `platforms/oscar`) over each other.
    pub fn load(packs: &Packs, names: &[String]) -> Result<Platform, PackError> {
        let mut titles = Vec::new();
        let mut accounts = None;
        let (mut tables, mut residence) = (BTreeMap::new(), BTreeMap::new());
        let mut services: BTreeMap<String, Service> = BTreeMap::new();
        for name in names {
            let file: PlatformFile = packs.load(&format!("platforms/{name}"))?;
            titles.push(file.title);
            accounts = file.accounts.or(accounts);
            tables.extend(file.tables);
            residence.extend(file.residence);
            for (name, over) in file.services {
                lay_over(services.entry(name).or_default(), over);
            }
        }
        let accounts = accounts.ok_or_else(|| {
            PackError::new(format!("platforms/{}", names.join(" + ")), "no pack says where accounts stand")
                .with_hint("one of the packs in [store] platform needs an `accounts:` entry")
        })?;
        Ok(Platform {
            titles,
            accounts,
            tables,
            residence,
            services,
            us_states: packs.load("words/us_states")?,
            phone_prefixes: packs.load("words/phone_prefixes")?,
        })
    }

    /// One pack alone, to check it. Routes and services need no accounts.
    pub(crate) fn of(file: PlatformFile) -> Platform {
        let none = Accounts { table: String::new(), key: String::new(), email: String::new(), name: Vec::new() };
        Platform {
            titles: vec![file.title],
            accounts: file.accounts.unwrap_or(none),
            tables: file.tables,
            residence: file.residence,
            services: file.services,
            us_states: BTreeMap::new(),
            phone_prefixes: BTreeMap::new(),
        }
    }

    /// The columns of a table that hold personal data.
    pub fn columns_of(&self, table: &str) -> Option<&BTreeMap<String, Column>> {
        self.tables.get(table).map(|t| &t.columns)
    }
}

fn lay_over(under: &mut Service, over: Service) {
    under.database_role = over.database_role.or(under.database_role.take());
    under.shows_errors |= over.shows_errors;
    under.public.extend(over.public);
    under.routes.extend(over.routes);
}
