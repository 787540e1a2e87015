//! The transports that this relay delivers by, and the scheduler's names for them.

use crate::pool::Service;
use crate::settings::{self, Source};
use maincf::value::DeliveryFlags;
use maincf::{ConfigErrors, MainCf, RelayConfig};
use schedule::{TransportId, TransportSettings};
use std::collections::HashMap;
use std::num::NonZeroU32;

/// One transport.
#[derive(Debug)]
struct Transport {
    service: Service,
    settings: TransportSettings,
    id: Option<TransportId>,
}

/// Every transport by name.
#[derive(Debug)]
pub struct Transports(HashMap<String, Transport>);

/// The names that `transport_maps` and `default_transport` may use.
const NAMES: [&str; 3] = ["smtp", "relay", "lmtp"];

impl Transports {
    /// From the configuration; workers read the same one.
    ///
    /// # Errors
    /// A transport's own parameter is wrong.
    pub fn new(cf: &MainCf, config: &RelayConfig, source: &Source) -> Result<Self, ConfigErrors> {
        let mut all = HashMap::new();
        for name in NAMES {
            let Some(protocol) = settings::protocol_of(name) else { continue };
            let mut settings = settings::transport(cf, config, name)?;
            let flags = settings::delivery_flags(cf, name)?;
            if flags.by_recipient() {
                // Headers that tell a recipient's name are for nobody else.
                settings.destination_recipient_limit = Some(NonZeroU32::MIN);
            }
            let mut arguments = source.arguments();
            if flags != DeliveryFlags::default() {
                arguments.extend(["--flags".into(), flags.letters().into()]);
            }
            let service = Service { name: name.to_owned(), protocol, arguments };
            all.insert(name.to_owned(), Transport { service, settings, id: None });
        }
        Ok(Self(all))
    }

    /// The scheduler's name for a transport; `None` when there is none of that name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<TransportId> {
        self.0.get(name)?.id
    }

    /// How a worker of it is started.
    #[must_use]
    pub fn service(&self, id: TransportId) -> Option<&Service> {
        self.0.values().find(|transport| transport.id == Some(id)).map(|transport| &transport.service)
    }

    /// The most recipients of one delivery.
    pub(super) fn recipient_limit(&self, id: TransportId) -> usize {
        let transport = self.0.values().find(|transport| transport.id == Some(id));
        let limit = transport.and_then(|transport| transport.settings.destination_recipient_limit);
        limit.map_or(usize::MAX, |limit| limit.get() as usize)
    }

    /// Tells the scheduler of all of them.
    pub(super) fn install(&mut self, mut add: impl FnMut(&str, TransportSettings) -> TransportId) {
        for (name, transport) in &mut self.0 {
            transport.id = Some(add(name, transport.settings.clone()));
        }
    }
}

impl super::Dispatcher {
    pub(super) fn install_transports(&mut self) {
        let now = self.now();
        let Self { policy, scheduler, .. } = self;
        policy.transports.install(|name, settings| scheduler.add_transport(now, name, settings));
    }
}
