"""Every model whose registers are known from frames of real devices or from agreeing sources has a profile."""

import pytest

import device_profiles

# Maker and models, and the profile that reads them. Grade A: frames of real devices; grade B: sources that agree.
MODELS = (
    ("Acrel ADL400", "acrel-adl400"),
    ("Acrel DTSD1352", "acrel-dtsd1352"),
    ("Acrel ADL3000", "acrel-adl3000"),
    ("Acrel ADW300", "acrel-adw300"),
    ("Acrel DDSY1352", "acrel-ddsy1352"),
    ("Acrel DJSF1352-RN", "acrel-djsf1352"),
    ("Acrel PZ96", "acrel-pz96"),
    ("Acrel AMC96", "acrel-amc96"),
    ("Acrel AEM96", "acrel-aem96"),
    ("CHINT DTSU666", "chint-dtsu666"),
    ("CHINT DTSU666-H", "chint-dtsu666-h"),
    ("CHINT DDSU666", "chint-ddsu666"),
    ("Sigen TPX-CH", "sigen-tpx-ch"),
    ("Eastron SDM630", "eastron-sdm630"),
    ("Eastron SDM72D-M V2", "eastron-sdm72"),
    ("Eastron SDM72D-M", "eastron-sdm72d-m"),
    ("Eastron SDM120", "eastron-sdm120"),
    ("Eastron SDM220", "eastron-sdm220"),
    ("Eastron SDM230", "eastron-sdm230"),
    ("Schneider iEM3155", "schneider-iem3155"),
    ("Schneider iEM3255", "schneider-iem3255"),
    ("Schneider PM5350", "schneider-pm5350"),
    ("Schneider PM2200", "schneider-pm2200"),
    ("Siemens PAC3200, PAC4200", "siemens-pac3200"),
    ("Siemens PAC2200", "siemens-pac2200"),
    ("ABB B21", "abb-b21"),
    ("ABB B23", "abb-b23"),
    ("ABB B24", "abb-b24"),
    ("ABB A43, A44", "abb-a43"),
    ("ABB EV3", "abb-ev3"),
    ("ABB M4M", "abb-m4m"),
    ("Janitza UMG 96RM", "janitza-umg96rm"),
    ("Janitza UMG 604, UMG 605, UMG 104", "janitza-umg604"),
    ("Janitza UMG 511, UMG 508", "janitza-umg511"),
    ("Carlo Gavazzi EM330, EM340, ET340", "carlo-gavazzi-em340"),
    ("Carlo Gavazzi ET112, EM111", "carlo-gavazzi-et112"),
    ("Carlo Gavazzi EM24", "carlo-gavazzi-em24"),
    ("Carlo Gavazzi EM24 E1", "carlo-gavazzi-em24-e1"),
    ("Socomec COUNTIS E34", "socomec-countis-e34"),
    ("Socomec DIRIS A10", "socomec-diris-a10"),
    ("Socomec DIRIS B-30", "socomec-diris-b30"),
    ("Huawei SUN2000", "huawei-sun2000"),
    ("Huawei LUNA2000", "huawei-luna2000"),
    ("Huawei SmartLogger", "huawei-smartlogger"),
    ("Huawei SmartLogger, its meter", "huawei-smartlogger-meter"),
    ("Sungrow SG", "sungrow-sg"),
    ("Sungrow SH", "sungrow-sh"),
    ("Sungrow SBH150", "sungrow-sbh"),
    ("GoodWe ET, EH, BT", "goodwe-et"),
    ("GoodWe DT, MS, NS", "goodwe-dt"),
    ("Growatt MID", "growatt-mid"),
    ("Growatt MOD, MIN", "growatt-mod"),
    ("Growatt MIC, MIN", "growatt-mic"),
    ("Growatt S, TL", "growatt-s"),
    ("Growatt SPF", "growatt-spf"),
    ("Growatt SPH", "growatt-sph"),
    ("SunSpec model 103", "sunspec-103"),
    ("SunSpec model 113", "sunspec-113"),
    ("SunSpec model 124", "sunspec-124"),
    ("SunSpec model 203", "sunspec-203"),
    ("SunSpec model 213", "sunspec-213"),
    ("SunSpec model 701", "sunspec-701"),
    ("SunSpec model 713", "sunspec-713"),
    ("SunSpec model 802", "sunspec-802"),
    ("Sinexcel PCS", "sinexcel-pcs"),
    ("NOARK Ex9EM", "noark-ex9em"),
    ("ORNO WE-516", "orno-we-516"),
    ("FoxESS KH", "foxess-kh"),
    ("E3/DC S10", "e3dc-s10"),
    ("KBR multicomp F144", "kbr-multicomp-f144"),
    ("AccuEnergy AcuRev 1312", "accuenergy-acurev-1312"),
)


@pytest.mark.parametrize(("model", "name"), MODELS, ids=[name for _, name in MODELS])
def test_a_model_whose_registers_are_known_has_a_profile(model: str, name: str) -> None:
    """The profile is shipped, and names the maker and the model."""
    assert name in device_profiles.names()
    text = device_profiles.text(name).lower()
    assert [word for word in model.lower().replace(",", "").split() if word not in text] == []


def test_the_table_names_each_profile_once() -> None:
    """No two lines of the table are answered by one profile."""
    assert len({name for _, name in MODELS}) == len(MODELS)
