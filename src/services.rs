//! Ports that belong to well-known services: who is likely the server, and which low ports are nothing out of the ordinary.

/// Ports below 1024 of services in common use, ascending.
///
/// Source: IANA Service Name and Transport Protocol Port Number Registry; the choice of what is common is ours.
const SYSTEM: &[u16] = &[
    7, 9, 11, 13, 17, 19, 20, 21, 22, 23, 25, 37, 43, 49, 53, 67, 68, 69, 70, 79, 80, 88, 102, 104,
    109, 110, 111, 113, 119, 123, 135, 137, 138, 139, 143, 161, 162, 177, 179, 194, 201, 264, 311,
    319, 320, 383, 389, 401, 427, 443, 444, 445, 464, 465, 497, 500, 502, 512, 513, 514, 515, 517,
    518, 520, 521, 524, 530, 540, 543, 544, 546, 547, 548, 554, 556, 563, 587, 591, 593, 623, 631,
    636, 639, 646, 647, 648, 666, 674, 691, 694, 698, 701, 749, 750, 751, 760, 808, 843, 847, 848,
    853, 860, 861, 862, 873, 902, 903, 953, 989, 990, 992, 993, 994, 995,
];

/// Ports from 1024 up that servers of well-known services listen on, ascending.
///
/// Source: IANA Service Name and Transport Protocol Port Number Registry, and the customary ports of the protocols in question.
const REGISTERED: &[u16] = &[
    1080, 1194, 1352, 1433, 1434, 1521, 1645, 1646, 1701, 1719, 1720, 1723, 1755, 1812, 1813, 1883,
    1900, 1935, 2000, 2049, 2055, 2082, 2083, 2086, 2087, 2095, 2096, 2123, 2152, 2181, 2222, 2375,
    2376, 2404, 2483, 2484, 2598, 3000, 3128, 3260, 3268, 3269, 3306, 3389, 3478, 3544, 3690, 3702,
    3784, 3868, 4070, 4369, 4433, 4443, 4444, 4500, 4569, 4739, 4789, 4840, 5000, 5004, 5005, 5060,
    5061, 5190, 5222, 5223, 5228, 5269, 5349, 5351, 5353, 5355, 5357, 5432, 5555, 5631, 5632, 5671,
    5672, 5683, 5684, 5800, 5900, 5901, 5938, 5984, 5985, 5986, 6000, 6379, 6443, 6514, 6666, 6667,
    6668, 6669, 6697, 6881, 7000, 7070, 7547, 8000, 8008, 8009, 8080, 8081, 8086, 8088, 8181, 8333,
    8443, 8554, 8805, 8853, 8880, 8883, 8888, 9000, 9042, 9090, 9092, 9100, 9200, 9300, 9418, 9443,
    10000, 11211, 15672, 20000, 27017, 27018, 44818, 47808, 51413, 51820,
];

/// Whether `port` is that of a well-known service, so that its owner is likely the server.
pub fn is_well_known(port: u16) -> bool {
    let ports = if port < 1024 { SYSTEM } else { REGISTERED };
    ports.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_so_that_every_port_in_them_is_found() {
        for table in [SYSTEM, REGISTERED] {
            assert!(table.is_sorted_by(|a, b| a < b));
            assert!(table.iter().all(|&port| is_well_known(port)));
        }
        assert!(!is_well_known(0) && !is_well_known(50000));
    }
}
