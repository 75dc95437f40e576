//! Machines: what controls plants and buildings.

pub(super) mod bacnet;
pub(super) mod dnp3;
pub(super) mod modbus;
pub(super) mod opcua;
pub(super) mod s7;
