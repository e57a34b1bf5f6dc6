//! What a pack says of a Rails log.

use serde::Deserialize;

/// Which of a program's own codes are sign-ins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailsPack {
    /// Controllers and actions that sign a user in, with or without their modules: `SessionsController#create`.
    #[serde(default)]
    pub sign_ins: Vec<String>,
    /// Those that sign a user out.
    #[serde(default)]
    pub sign_outs: Vec<String>,
    /// Parameters that name the user, the first that is there counts.
    #[serde(default)]
    pub user_parameters: Vec<String>,
}
