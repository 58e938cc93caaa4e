"""What each command answers with --json, by example: the written half of that contract, shown in docs/cli.md."""

# By the whole name of the command.
JSON_ANSWERS = {
    "wattproof decode": """
{"readings": [{"quantity": "energy_active_import", "value": "10909.282", "unit": "kWh"}],
 "fault": null}
""",
    "wattproof plan": """
{"profile": "eastron-sdm230", "baud": 9600, "turnaround_ms": 10, "slow_sweeps": 12,
 "reads": [{"poll": "fast", "function": 4, "di": null, "start": 70, "count": 10, "wasted": 8, "time_us": 55834,
   "time_ms": 55.834, "quantities": ["frequency"]}],
 "classes": [{"poll": "fast", "reads": 1, "registers": 10, "wasted": 8, "total_us": 55834}],
 "registers": 10, "distinct": true, "total_us": 55834, "total_ms": 55.834, "shortest_us": 55834}
""",
    "wattproof profile list": """
[{"id": "abb-b23", "source": "shipped", "problems": 0, "replaces_shipped": false, "maker": "ABB", "model": "B23",
  "kind": "three-phase meter",
  "status": "bench", "transport": ["rtu"]}]
""",
    "wattproof profile show": """
{"id": "eastron-sdm230", "source": "shipped", "maker": "Eastron", "model": "SDM230-Modbus",
 "kind": "single-phase meter", "status": "bench", "evidence": [{"source": "...", "page": "p. 4"}], "transport": ["rtu"],
 "serial": {"default": "9600 8N1", "allowed": ["9600 8N1"]}, "units": [1, 247], "max_registers": 80, "align": 2,
 "windows": [{"function": 4, "first": 0, "last": 87}], "timeout_ms": 300, "gap_ms": 10,
 "points": [{"name": "voltage_l1_n", "quantity": "voltage_l1_n", "function": 4, "at": 0, "di": null, "count": 2,
   "type": "f32",
   "words": "high-first", "factor": "1", "unit": "V", "side": "direct", "times": [], "sign": null, "counter": false,
   "wrap": null, "sentinels": [], "exponent_at": null, "poll": "fast"}],
 "constants": [],
 "identify": [{"function": 3, "at": 64514, "count": 1, "type": "u16", "words": "high-first", "expect": [43]}],
 "tests": 3, "sunspec": null, "replaces_shipped": false}
""",
    "wattproof profile lint": """
{"profiles": [{"id": "eastron-sdm230", "problems": [],
   "plan": {"baud": 9600, "reads": 3, "registers": 50, "wasted": 24, "bus_us": 213334}}], "problems": 0}
""",
    "wattproof profile new": """
{"id": "acme-m1", "file": "profiles/acme-m1.toml", "status": "draft",
 "way": {"function": 4, "address": "zero-based", "words": "high-first", "fits": 41, "fails": 0},
 "registers": [{"line": 1, "address": "30001", "name": "Phase 1 voltage", "quantity": "voltage_l1_n", "type": "f32",
   "factor": "1", "unit": "V", "value": "230.4"}],
 "windows": [[0, 17]], "tests": 1,
 "open": [{"code": "WP-PRF-085", "where": "", "text": "..."}],
 "problems": [{"code": "WP-PRF-038", "where": "acme-m1.toml", "text": "..."}],
 "plan": {"baud": 9600, "reads": 1, "registers": 18, "wasted": 0, "bus_us": 75000}}
""",
    "wattproof trace": """
{"allocations": [{"source": "g", "sink": "l", "wh": 9}],
 "residuals": [{"busbar": "A", "source": "g", "wh": 1}],
 "warnings": []}
""",
    "wattproof keys new": """
{"file": "keys/gateway.key", "kid": "0123456789abcdef", "algorithm": "Ed25519", "public_key": "..."}
""",
    "wattproof support": """
{"file": "help.zip", "parts": ["about.txt", "events.json", "gateway.toml", "keys.json", "status.json", "versions.json"]}
""",
    "wattproof keys rotate": '{"entry": 513, "old_kid": "0123456789abcdef", "kid": "fedcba9876543210"}',
    "wattproof keys show": """
{"file": "keys/gateway.key", "kid": "0123456789abcdef", "algorithm": "Ed25519", "public_key": "..."}
""",
    "wattproof check": """
{"problems": [],
 "budget": [{"bus": "cabinet-a", "meters": 8, "baud": 9600, "sweep_ms": 3267, "cycle_ms": 5000,
   "utilisation_percent": 65.3,
   "dead": {"meters": ["m-1", "m-2", "m-3"], "utilisation_percent": 42.1, "sweeps_percent": 100.0}}],
 "advice": [{"code": "WP-BUS-070", "where": "bus[0].port", "text": "..."}],
 "meters": [{"meter": "m-1", "answers": true, "serial": "22091512340017", "signature": true, "models": []}]}
""",
    "wattproof scan": """
{"port": "/dev/ttyUSB0",
 "lines": [{"line": "9600 8N1", "problem": null, "garbled_units": [], "damaged_units": [7],
   "overheard": {"octets": 16, "asked": ["3"], "answered": ["3"], "looks_swapped": false},
   "several_dlt645": false, "looks_swapped": false, "any_unit": false,
   "found": [{"protocol": "modbus", "unit": 1, "address": null, "exception": null, "models": ["eastron-sdm630"],
     "likely": []}]}]}
""",
    "wattproof read": """
{"meter": "m-intake", "unit": 1, "profile": "eastron-sdm630",
 "exchanges": [{"request_hex": "01 04 ...", "response_hex": "01 04 ...", "fault": null}],
 "readings": [{"quantity": "voltage_l1_n", "words": ["4366", "3334"], "value": "230.2", "unit": "V"}]}
""",
    "wattproof wiring": """
{"meter": "m-mill", "role": "load", "direction": "import", "nominal_v": 220.0, "ct_ratio": "400/5",
 "values": {"voltage_l1_n": 230.1, "current_l1": 52.1, "active_power_l1": -11500.0}, "angles_deg": {"l1": -163.7},
 "clamps_a": {"l1": 52.3}, "watched": {"seconds": 10.0, "import_wh": 120, "export_wh": 0},
 "explanations": [{"voltages": ["l1", "l2", "l3"], "currents": ["l1", "l2", "l3"], "turned": ["l1"]}],
 "findings": [{"kind": "ct-reversed", "phases": ["l1"], "code": "WP-BUS-046", "where": "m-mill", "text": "..."}]}
""",
    "wattproof status": """
{"gateway": "park7-gw1", "park": "Demo park", "entries": 512, "receipted": 500, "oldest_unreceipted": 501,
 "head": "...", "set_aside": [{"first": 7, "last": 9, "refusal": "malformed", "platform": "park"}],
 "held": [{"what": "meter m-mill: ct_ratio", "before": "200/5", "after": "400/5"}],
 "clock": {"status": "S", "bound_ms": 40, "source": "receipt", "drift_ppm": 12, "boot": "3f9a0c17d2e84b65",
   "utc": "2026-11-21T02:15:00.000Z"}, "intervals": 96,
 "storage": {"journal_bytes": 912000000, "free_bytes": 21000000000, "unreceipted_percent": 0.4, "bytes_a_day": 9800000,
   "days_left": 2142, "tight": false, "warning": false, "commits": 5210, "commit_ms": 31,
   "waiting_ms": null, "slow_commits": 0, "longest_ms": 0, "held": {"since": "2026-11-21T01:00:00.000Z",
   "problem": {"code": "WP-JRN-004", "where": "...", "text": "..."}, "boundaries": 5, "boundaries_lost": 0}},
 "findings": [{"code": "register-decreased", "place": "m-mill", "details": {"quantity": "energy_active_import",
   "start_s": "1795191300"}, "declare": "wattproof declare exchange ..."}],
 "meters": [{"bus": "cabinet-a", "meter": "m-intake", "state": "DUE", "faults": {"silent": 2}, "failures": 0,
   "last_good": "2026-11-21T02:14:58.120Z", "last_fault": {"kind": "silent", "detail": "no byte"}, "stale": false,
   "foreign": false, "timeout_ms": 240, "refused": [{"function": 3, "start": 96, "count": 2}], "shortened": true}],
 "uplink": {"platform": "park", "state": "...", "connected": true, "in_flight": [[501, 512]], "sent": 41,
   "receipted": 500, "refusal": null, "trouble": null, "last_receipt_through": 500,
   "last_receipt_at": "2026-11-21T02:14:31.007Z", "certificate_until": "2027-12-23T02:14:31Z",
   "certificate_due": false},
 "uplinks": [{"platform": "park", "state": "...", "connected": true}]}
""",
    "wattproof config plan": """
{"changes": [{"what": "meter m-mill: ct_ratio", "before": "200/5", "after": "400/5"}]}
""",
    "wattproof config apply": """
{"changes": [{"what": "meter m-mill: ct_ratio", "before": "200/5", "after": "400/5"}], "running": true}
""",
    "wattproof readings": """
{"readings": [{"meter": "m-intake", "quantity": "energy_active_import", "at": "2026-11-21T02:14:58.120Z",
  "words": ["462a", "7521"], "value": "10909.282", "unit": "kWh"}]}
""",
    "wattproof tally": """
{"day": "2026-11-21", "intervals": 96,
 "tallies": [{"meter_point": "Mill", "method": "flow", "factor_set": "NDRC910-trial", "wh": 1000, "green_wh": 400,
   "carbon_ug": 499500000, "by_origin": {"grid": 600, "solar": 400}, "factors": ["NDRC910-trial:grid"],
   "basis": [{"switches": ["boundary=first-after", "gap=linear", "storage:Battery=mixing"], "configuration": "9f0c...",
     "entries": {"first": 3, "last": 197, "count": 96}}]}]}
""",
    "wattproof declare exchange": """
{"what": "exchange", "subject": "m-mill", "at_ms": 1795190820000, "by": "...", "reason": "...",
 "values": {"final energy_active_import": "12345.60 kWh", "initial energy_active_import": "0.10 kWh"},
 "effects": [{"start_s": 1795190400, "end_s": 1795191300, "meter_point": "Mill",
   "before": {"import_wh": 0, "export_wh": 0, "flag": "D"},
   "after": {"import_wh": 150000, "export_wh": 0, "flag": "X"}}],
 "pending": false, "entry": 42}
""",
    "wattproof declare ratio": """
{"what": "ratio", "subject": "m-mill", "at_ms": 1795190820000, "by": "...", "reason": "...",
 "values": {"final energy_active_import": "812.40 kWh", "initial energy_active_import": "812.40 kWh", "ct": "400/5"},
 "effects": [{"start_s": 1795190400, "end_s": 1795191300, "meter_point": "Mill",
   "before": {"import_wh": 0, "export_wh": 0, "flag": "D"},
   "after": {"import_wh": 150000, "export_wh": 0, "flag": "X"}}],
 "pending": false, "entry": 42}
""",
    "wattproof declare accept": """
{"what": "accept", "subject": "m-mill", "at_ms": 1795190820000, "by": "...", "reason": "...",
 "values": {},
 "effects": [{"start_s": 1795190400, "end_s": 1795191300, "meter_point": "Mill",
   "before": {"import_wh": 0, "export_wh": 0, "flag": "Q"},
   "after": {"import_wh": 150000, "export_wh": 0, "flag": ""}}],
 "pending": false, "entry": 42}
""",
    "wattproof declare content": """
{"what": "content", "subject": "Battery", "at_ms": 1795190820000, "by": "...", "reason": "...",
 "values": {"content": "120 kWh"}, "effects": [], "pending": false, "entry": 42,
 "content": {"account_wh": 131000, "declared_wh": 120000, "lost": [["solar", 11000]]}}
""",
    "wattproof explain": """
{"meter_point": "Mill", "start_s": 1795191300, "end_s": 1795192200, "gateway": "park7-gw1", "entry": 7, "link": "...",
 "batch": [6, 7], "receipted": true, "configuration": {"entry": 1, "sha256": "..."},
 "method": "flow", "rule": {}, "factor_set": "NDRC910-trial", "wh": 1000, "green_wh": 400, "carbon_ug": 499500000,
 "basis": {"switches": ["boundary=first-after", "gap=linear"], "configuration": "9f0c...", "entries": [7]},
 "origins": [{"origin": "grid", "wh": 600, "mg_per_kwh": 832500, "carbon_ug": 499500000,
   "factor": {"id": "NDRC910-trial:grid", "basis": "...", "source": "...", "valid_from_s": 1735660800,
              "valid_to_s": null},
   "sources": [{"source": "Intake", "wh": 600}]}],
 "allocations": [{"source": "Intake", "sink": "Mill", "wh": 600}],
 "intervals": [{"entry": 7, "start_s": 1795191300, "end_s": 1795192200,
   "energies": [{"meter_point": "Mill", "import_wh": 1000, "export_wh": 0, "flag": "", "role": "load", "gives_wh": 0,
     "takes_wh": 1000, "registers": [{"meter": "m-mill", "profile": "chint-dtsu666", "unit": 3, "serial": "",
       "quantity": "energy_active_import", "function": 3, "address": 4126, "type": "f32", "ct_ratio": [200, 5],
       "vt_ratio": [1, 1], "start": {"words": ["447a", "8000"], "at_ms": 1795191300200, "wh": 40080000},
       "end": {"words": ["447b", "0000"], "at_ms": 1795192200200, "wh": 40160000}, "part": 0, "parts": 1,
       "energy_wh": 80000, "flag": "", "declared": []}]}],
   "storages": [{"storage": "Battery", "rule": "mixing", "efficiency_permille": 850, "before": [["grid", 10172]],
     "after": [["grid", 10356]], "declared": []}]}]}
""",
    "wattproof export": """
{"file": "day.wpx", "day": "2026-11-21", "intervals": 96, "entries": 512, "batches": 41, "receipted": true,
 "cosigned_through": 511}
""",
    "wattproof checkpoint": """
{"size": 511, "note": "park7-gw1\\n511\\n..."}
""",
    "wattproof verify": """
{"gateway": "park7-gw1", "day": "2026-11-21", "entries": 512, "first": 1, "last": 512, "batches": 41, "key_changes": 0,
 "receipted_through": 512, "cosigned_through": 511, "checkpoints": [96, 511], "intervals": 96, "registers": 2208,
 "amendments": 0, "unplaced": 0,
 "energies": [{"meter_point": "Mill", "import_wh": 1000, "export_wh": 0}]}
""",
    "wattproof-platform verify": """
{"chains": 2, "batches": 41, "entries": 512, "receipts": 41, "problems": []}
""",
    "wattproof-platform checkpoint": """
{"gateway": "park7-gw1", "size": 511, "note": "park7-gw1\\n511\\n..."}
""",
    "wattproof-platform clear": """
{"gateway": "park7-gw1", "cleared": 1}
""",
    "wattproof-platform show": """
{"gateways": [{"gateway": "park7-gw1", "keys": ["0123456789abcdef"],
  "chains": [{"incarnation": "...", "first_sequence": 1, "head_sequence": 512, "head_link": "...", "branch": false}],
  "last_receipt": {"through_sequence": 512, "incarnation": "...", "at_ms": 1763691271007},
  "intervals": {"count": 96, "accounted": 96, "first_s": 1763654400, "last_s": 1763740800,
    "least_complete_ppm": 1000000},
  "energy": [{"meter_point": "Mill", "role": "load", "import_wh": 1000, "export_wh": 0, "flagged": 0}],
  "witness": {"cosigned": 511, "contradictions": 0, "clone": null},
  "counts": {"conflict": 0, "unread": 0, "amended": 0, "hole": 0, "held": 0, "set_aside": 0}}]}
""",
    "wattproof-platform explain": """
{"gateway": "park7-gw1", "meter_point": "Mill", "method": "flow", "factor_set": "NDRC910-trial", "when": "2026-11",
 "wh": 5000, "green_wh": 2000, "carbon_ug": 2497500000, "difference": {"wh": 0, "green_wh": 0, "carbon_ug": 0},
 "basis": [{"gateway": "park7-gw1", "switches": ["boundary=first-after", "gap=linear"], "configuration": "9f0c...",
   "entries": {"first": 3, "last": 5759, "count": 2880}}],
 "parts": [{"when": "2026-11-21", "wh": 5000, "green_wh": 2000, "carbon_ug": 2497500000}]}
""",
    "wattproof-platform export": """
{"file": "day.csv", "files": ["day.csv"], "format": "csv", "stretch": "2026-11-21", "intervals": 96}
""",
    "wattproof-platform park": """
{"parks": [{"park": "park/Demo park", "gateways": ["park7-gw1", "park7-gw2"],
  "periods": {"whole": 95, "partial": 1, "refused": 0, "first_s": 1795190400, "last_s": 1795276800},
  "newest": {"start_s": 1795275900, "end_s": 1795276800, "state": "partial", "missing": ["park7-gw2"], "problems": []},
  "energy": [{"meter_point": "park7-gw1/Mill", "role": "load", "import_wh": 1000, "export_wh": 0, "flagged": 0}]}],
 "adopted": true}
""",
    "wattproof-platform document add": '{"numbers": [12, 13]}',
    "wattproof-platform document list": """
{"documents": [{"number": 12, "entered_ms": 1795190820000, "kind": "activity",
  "fields": {"park": "Demo park", "period": "2026-03", "carrier": "natural gas", "quantity": "12.5"},
  "voided_by": null}]}
""",
    "wattproof-platform document void": '{"voided": 12, "number": 14}',
    "wattproof-platform report": """
{"park": "Demo park", "period": "2026-03", "gateways": ["park7-gw1"], "province": "Jiangsu", "made_s": 1795190820,
 "sections": {"carbon": {"id": "carbon", "title": "...",
   "figures": [{"id": "fuel", "label": "...", "value": 1000000, "unit": "ug", "rule": "...", "verdict": "",
     "factors": [], "documents": [12], "notes": []}],
   "tables": [{"id": "...", "columns": ["..."], "rows": [["..."]]}], "notes": []}},
 "problems": []}
""",
    "wattproof-platform keys new": '{"kid": "0123456789abcdef", "algorithm": "EdDSA", "public": "...", "path": "..."}',
    "wattproof-platform keys show": """
{"platform": {"kid": "0123456789abcdef", "algorithm": "EdDSA", "public": "...", "path": "..."},
 "gateways": {"park7-gw1": [{"kid": "fedcba9876543210", "algorithm": "EdDSA", "public": "..."}]},
 "revoked": [{"kid": "0011223344556677", "gateway": "park7-gw2", "since": "2026-11-21T02:14:31Z", "reason": "...",
   "certificates": 1}]}
""",
    "wattproof-platform keys revoke": """
{"kid": "fedcba9876543210", "gateway": "park7-gw1", "since": "2026-11-21T02:14:31Z", "reason": "...", "certificates": 1}
""",
    "wattproof-platform enrol new": """
{"gateway": "park7-gw1", "code": "3SWWV-RITGO-...", "until_ms": 1795795620000}
""",
    "wattproof-platform enrol answer": '{"gateway": "park7-gw1", "file": "answer.json"}',
    "wattproof-platform broker-config": '{"files": ["/etc/mosquitto/wattproof/mosquitto.conf"]}',
    "wattproof enrol": """
{"gateway": "park7-gw1", "bucket": "b0", "platform_key": "keys/platform.pub", "ca": "keys/ca.crt",
 "certificate": "keys/tls.crt", "key": "keys/tls.key"}
""",
    "wattproof keys renew": """
{"gateway": "park7-gw1", "bucket": "b0", "platform_key": "keys/platform.pub", "ca": "keys/ca.crt",
 "certificate": "keys/tls.crt", "key": "keys/tls.key"}
""",
    "wattproof-platform enrol key": """
{"gateway": "park7-gw1", "kid": "fedcba9876543210", "algorithm": "EdDSA", "public": "...", "path": "..."}
""",
}
