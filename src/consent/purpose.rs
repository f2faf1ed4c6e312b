//! Purposes, by their W3C DPV names.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde::{Serialize, Serializer};

/// A purpose of processing, by its name in the W3C Data Privacy Vocabulary (DPV 2.1).
///
/// Purposes are compared exactly. DPV orders them from broad to narrow (`Marketing`,
/// `Advertising`, `PersonalisedAdvertising`, `TargetedAdvertising`), but consent to a broader
/// purpose does not speak for a narrower one, nor the other way round: what a person was told is
/// what counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(u8);

/// What the gate makes of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PurposeClass {
    /// Advertising chosen for a person: what Google's signals and TCF strings can grant.
    Advertising,
    /// Security, authentication, verification of identity, fraud: never admissible.
    Security,
    /// Everything else.
    Ordinary,
}

impl Purpose {
    /// `TargetedAdvertising`, what a match is for unless said otherwise.
    pub const TARGETED_ADVERTISING: Purpose = Purpose::named("TargetedAdvertising");

    /// `EnforceSecurity`, for identifiers that were given for security of whatever sort.
    pub(crate) const SECURITY: Purpose = Purpose::named("EnforceSecurity");

    /// The purposes of security, as bits of a set.
    pub(super) const SECURITY_BITS: u128 = {
        let (mut bits, mut i) = (0, 0);
        while i < SECURITY.len() {
            bits |= Purpose::named(SECURITY[i]).bit();
            i += 1;
        }
        bits
    };

    /// Reads a purpose as people write it: the bare DPV name, `dpv:` and the name, or its IRI, in
    /// any case and with `_`, `-` or blanks between the words; or a common everyday word for one,
    /// such as `two_factor` (`IdentityAuthentication`) or `newsletter` (`DirectMarketing`).
    pub fn parse(text: &str) -> Option<Purpose> {
        let folded = fold(local_name(text.trim()));
        let spellings = spellings();
        let found = spellings.get(folded.as_str()).or_else(|| {
            // American spelling: Personalized, Optimization.
            spellings.get(folded.replace('z', "s").as_str())
        });
        found.copied()
    }

    /// The W3C DPV name.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Every purpose, by name.
    pub fn all() -> impl Iterator<Item = Purpose> {
        (0..NAMES.len() as u8).map(Purpose)
    }

    /// What the gate makes of this purpose.
    pub fn class(self) -> PurposeClass {
        if self.is_security() {
            PurposeClass::Security
        } else if ADVERTISING.contains(&self.name()) {
            PurposeClass::Advertising
        } else {
            PurposeClass::Ordinary
        }
    }

    /// Whether nothing that was collected for this purpose may ever be matched.
    pub fn is_security(self) -> bool {
        self.bit() & Purpose::SECURITY_BITS != 0
    }

    /// This purpose, as a bit of a set.
    pub(super) const fn bit(self) -> u128 {
        1 << self.0
    }

    /// The purpose of this name; fails to compile where there is none.
    const fn named(name: &str) -> Purpose {
        let mut index = 0;
        while !same(NAMES[index], name) {
            index += 1;
        }
        Purpose(index as u8)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The name in an IRI or a prefixed name.
fn local_name(text: &str) -> &str {
    let text = text.trim_start_matches('<').trim_end_matches('>');
    match text.rsplit_once('#') {
        Some((iri, name)) if iri.to_ascii_lowercase().contains("w3id.org/dpv") => name,
        _ => match text.split_once(':') {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case("dpv") => name,
            _ => text,
        },
    }
}

/// Lower case without the marks between words.
fn fold(text: &str) -> String {
    let between = |c: &char| !matches!(c, '_' | '-' | ' ' | '\t');
    text.chars().filter(between).map(|c| c.to_ascii_lowercase()).collect()
}

fn spellings() -> &'static HashMap<String, Purpose> {
    static SPELLINGS: OnceLock<HashMap<String, Purpose>> = OnceLock::new();
    SPELLINGS.get_or_init(|| {
        let named: HashMap<&str, Purpose> = Purpose::all().map(|p| (p.name(), p)).collect();
        let names = Purpose::all().map(|p| (fold(p.name()), p));
        let aliases = ALIASES.iter().flat_map(|(name, words)| {
            words.split_ascii_whitespace().map(|word| (word.to_owned(), named[name]))
        });
        aliases.chain(names).collect()
    })
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut equal = a.len() == b.len();
    let mut i = 0;
    while equal && i < a.len() {
        equal = a[i] == b[i];
        i += 1;
    }
    equal
}

/// Below `Advertising` in DPV and aimed at a person; `Advertising` itself, being the broader word.
const ADVERTISING: [&str; 3] = ["Advertising", "PersonalisedAdvertising", "TargetedAdvertising"];

/// `EnforceSecurity` and everything below it in DPV, and what else proves or protects identity.
const SECURITY: [&str; 13] = [
    "AgeVerification",
    "CounterMoneyLaundering",
    "EnforceAccessControl",
    "EnforceSecurity",
    "FraudPreventionAndDetection",
    "IdentityAuthentication",
    "IdentityVerification",
    "MaintainFraudDatabase",
    "MisusePreventionAndDetection",
    "ProtectionOfNationalSecurity",
    "ProtectionOfPublicSecurity",
    "RecruitmentApplicantInformationAuthentication",
    "Verification",
];

/// What columns of real lists say, folded, by what it means.
const ALIASES: [(&str, &str); 17] = [
    (
        "IdentityAuthentication",
        "2fa twofa tfa twofactor twofactorauth twofactorauthentication 2factor 2factorauth \
         2factorauthentication twostep twostepverification 2step 2stepverification 2sv mfa \
         multifactor multifactorauth multifactorauthentication otp onetimepassword onetimecode \
         onetimepasscode smscode smsotp totp auth authn authentication authenticate login signin \
         logon accountlogin userauthentication passkey magiclink sso",
    ),
    (
        "EnforceSecurity",
        "security accountsecurity securityalert securityalerts securitynotification \
         securitynotifications accountrecovery recovery passwordreset passwordrecovery \
         resetpassword loginalert loginalerts accountprotection securitycontact backupcontact",
    ),
    ("EnforceAccessControl", "accesscontrol access"),
    (
        "IdentityVerification",
        "identity verifyidentity idverification kyc knowyourcustomer accountverification \
         phoneverification emailverification verifyaccount verifyphone verifyemail identitycheck",
    ),
    ("Verification", "verify confirmation"),
    (
        "FraudPreventionAndDetection",
        "fraud antifraud fraudprevention frauddetection fraudcheck riskcheck",
    ),
    ("CounterMoneyLaundering", "aml antimoneylaundering"),
    ("AgeVerification", "agecheck"),
    ("MisusePreventionAndDetection", "abuse abuseprevention antiabuse spamprevention antispam"),
    (
        "TargetedAdvertising",
        "targetedads targetedad adtargeting targetedadverts customaudience customaudiences \
         customermatch audiencematching",
    ),
    ("PersonalisedAdvertising", "personalisedads personalisedad adpersonalisation"),
    ("Advertising", "ads advertisement advertisements adverts"),
    (
        "DirectMarketing",
        "newsletter newsletters emailmarketing smsmarketing marketingemails promotions",
    ),
    ("AccountManagement", "account accounts accountcreation registration signup useraccount"),
    (
        "CustomerOrderManagement",
        "order orders purchase purchases checkout sale ordermanagement booking",
    ),
    ("DeliveryOfGoods", "delivery shipping shipment fulfilment fulfillment"),
    ("CustomerCare", "support customersupport customerservice helpdesk"),
];

/// The purposes of DPV 2.1 (module `purposes`), in alphabetical order.
const NAMES: [&str; 119] = [
    "AcademicResearch",
    "AccountManagement",
    "Advertising",
    "AgeVerification",
    "CombatClimateChange",
    "CommercialPurpose",
    "CommercialResearch",
    "CommunicationForCustomerCare",
    "CommunicationManagement",
    "CounterMoneyLaundering",
    "Counterterrorism",
    "CreditChecking",
    "CustomerCare",
    "CustomerClaimsManagement",
    "CustomerManagement",
    "CustomerOrderManagement",
    "CustomerRelationshipManagement",
    "CustomerSolvencyMonitoring",
    "DataAltruism",
    "DeliveryOfGoods",
    "DirectMarketing",
    "DisputeManagement",
    "EnforceAccessControl",
    "EnforceSecurity",
    "EstablishContractualAgreement",
    "FraudPreventionAndDetection",
    "FulfilmentOfContractualObligation",
    "FulfilmentOfObligation",
    "HumanResourceManagement",
    "IdentityAuthentication",
    "IdentityVerification",
    "ImproveExistingProductsAndServices",
    "ImproveHealthcare",
    "ImproveInternalCRMProcesses",
    "ImprovePublicServices",
    "ImproveTransportMobility",
    "IncreaseServiceRobustness",
    "InternalResourceOptimisation",
    "LegalCompliance",
    "MaintainFraudDatabase",
    "Marketing",
    "MemberPartnerManagement",
    "MisusePreventionAndDetection",
    "NonCommercialPurpose",
    "NonCommercialResearch",
    "OptimisationForConsumer",
    "OptimisationForController",
    "OptimiseUserInterface",
    "OrganisationComplianceManagement",
    "OrganisationGovernance",
    "OrganisationRiskManagement",
    "PaymentManagement",
    "Personalisation",
    "PersonalisedAdvertising",
    "PersonalisedBenefits",
    "PersonnelBehaviourMonitoring",
    "PersonnelHiring",
    "PersonnelManagement",
    "PersonnelMonitoring",
    "PersonnelOffboarding",
    "PersonnelOnboarding",
    "PersonnelPayment",
    "PersonnelPerformanceEvaluation",
    "PersonnelPerformanceManagement",
    "PersonnelPerformanceMonitoring",
    "PersonnelPerformancePrediction",
    "PersonnelPromotionManagement",
    "PersonnelTerminationManagement",
    "PersonnelWorkloadManagement",
    "PoliticalCampaign",
    "ProtectionOfIPR",
    "ProtectionOfNationalSecurity",
    "ProtectionOfPublicSecurity",
    "ProvideEventRecommendations",
    "ProvideOfficialStatistics",
    "ProvidePersonalisedRecommendations",
    "ProvideProductRecommendations",
    "PublicBenefit",
    "PublicPolicyMaking",
    "PublicRelations",
    "RecordManagement",
    "RecruitmentAdvertising",
    "RecruitmentApplicantBackgroundCheck",
    "RecruitmentApplicantCriminalBackgroundCheck",
    "RecruitmentApplicantInformationAuthentication",
    "RecruitmentApplicantSelection",
    "RecruitmentApplicationAnalysis",
    "RecruitmentApplicationManagement",
    "RecruitmentApplicationScreening",
    "RecruitmentInterviewAnalysis",
    "RecruitmentInterviewAssessment",
    "RecruitmentInterviewManagement",
    "RecruitmentInterviewScheduling",
    "RecruitmentManagement",
    "RecruitmentTargetedAdvertising",
    "RepairImpairments",
    "RequestedServiceProvision",
    "ResearchAndDevelopment",
    "RightsFulfillment",
    "ScientificResearch",
    "SearchFunctionalities",
    "SellDataToThirdParties",
    "SellInsightsFromData",
    "SellProducts",
    "SellProductsToDataSubject",
    "ServiceOptimisation",
    "ServicePersonalisation",
    "ServiceProvision",
    "ServiceRegistration",
    "ServiceUsageAnalytics",
    "SocialMediaMarketing",
    "TargetedAdvertising",
    "TechnicalServiceProvision",
    "UserInterfacePersonalisation",
    "VendorManagement",
    "VendorPayment",
    "VendorRecordsManagement",
    "VendorSelectionAssessment",
    "Verification",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name() {
        for text in [
            "TargetedAdvertising",
            "dpv:TargetedAdvertising",
            "DPV:targeted_advertising",
            "https://w3id.org/dpv#TargetedAdvertising",
            "https://w3id.org/dpv/2.1#TargetedAdvertising",
            " TARGETED-ADVERTISING ",
            "targeted advertising",
        ] {
            assert_eq!(Purpose::parse(text), Some(Purpose::TARGETED_ADVERTISING), "{text}");
        }
        let american = Purpose::parse("personalized advertising").map(Purpose::name);
        assert_eq!(american, Some("PersonalisedAdvertising"));
        assert_eq!(Purpose::parse("ads for everyone"), None);
        assert_eq!(Purpose::parse("xyz:TargetedAdvertising"), None);
        assert_eq!(Purpose::parse(""), None);
    }

    #[test]
    fn security_however_it_is_called() {
        for text in [
            "2fa",
            "two_factor",
            "two-factor authentication",
            "Two Factor",
            "MFA",
            "otp",
            "security",
            "authentication",
            "login",
            "account_recovery",
            "password_reset",
            "IdentityVerification",
            "dpv:EnforceSecurity",
            "fraud",
            "FraudPreventionAndDetection",
            "MaintainFraudDatabase",
            "kyc",
        ] {
            assert!(Purpose::parse(text).is_some_and(Purpose::is_security), "{text}");
        }
        for text in ["account", "newsletter", "order", "ServiceProvision", "advertising"] {
            assert!(Purpose::parse(text).is_some_and(|p| !p.is_security()), "{text}");
        }
    }

    #[test]
    fn the_tables_agree() {
        assert!(NAMES.is_sorted());
        assert!(SECURITY.iter().chain(&ADVERTISING).all(|name| NAMES.contains(name)));
        assert!(ALIASES.iter().all(|(name, _)| NAMES.contains(name)));
        assert!(Purpose::all().all(|p| Purpose::parse(p.name()) == Some(p)));
        assert!(NAMES.len() <= 128, "a set of purposes is a u128");
    }
}
