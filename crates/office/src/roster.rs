//! Who is an officer at this moment, and by what an officer is known: a program's key, an issuer's subject.

use std::collections::HashMap;

use xiezhi_crypto::PublicKey;

use crate::policy::Role;

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// As what.
    pub role: Role,
    /// The key by which he, or his program, asks for tokens of the API; `None` keeps him out of it.
    pub key: Option<PublicKey>,
}

/// The officers of an office. The default names none.
#[derive(Debug, Default)]
pub struct Roster {
    /// By name.
    pub officers: HashMap<String, Officer>,
    /// Officers' names by issuer and subject.
    pub subjects: HashMap<String, HashMap<String, String>>,
}

/// The roster as it is whenever it is asked for: who is taken out is out.
pub type Rosters = Box<dyn Fn() -> Roster + Send + Sync>;

impl Roster {
    pub(crate) fn role(&self, name: &str) -> Option<Role> {
        self.officers.get(name).map(|officer| officer.role)
    }

    /// The officer whom `subject` of `issuer` is.
    pub(crate) fn known_as(&self, issuer: &str, subject: &str) -> Option<(&str, Role)> {
        let name = self.subjects.get(issuer)?.get(subject)?;
        Some((name, self.role(name)?))
    }
}
