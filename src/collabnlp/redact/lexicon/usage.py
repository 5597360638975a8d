"""How names are used: small sets of words that tell a name from a word, a place or an abbreviation."""

# Ordinary words that are given names often enough to be taken for one within a sentence.
COMMON = frozenset(
    """
    mark will rose grace hope frank bill sue guy jack art joy faith dawn penny rob pat ray rich nick max drew dean dale glen grant
    chase carol heather hazel iris ivy jade amber ruby pearl crystal daisy lily poppy violet olive rosemary robin jay josh gene herb
    don hank duke earl basil clement christian victor constance patience prudence mercy charity verity felicity blessing comfort
    precious sandy rusty scarlet summer melody harmony destiny justice trinity bonnie eve holly fern flora rowan ash cliff jean lee
    lea miles wade ward rex ginger dot kit pip sunny bob martin jason ally gay jasmine myrtle primrose herbert lance jerry john dick
    chuck bella di ad gus pete tony gene stew norm viv des mel val jo al ed mo tom dan kim jan ann anna sam ken ben tim jim joe kit
    """.split()
)
# Those that are hardly ever the word, even where nothing is written with a capital.
NEARLY_ALWAYS = frozenset(
    """
    bob ben ken jim jimmy jerry jenny sam mike carol jean josh rory paddy kay glen hank eve daisy lily martin tony heather hazel iris
    basil clement jack tom tim ann anna joe kim dan herbert constance felicity myrtle ally rosemary norm viv mel jason jordan jasmine
    """.split()
)
# Towns and countries before they are given names.
PLACES_FIRST = frozenset(
    """
    chelsea lincoln kent chester preston london florence paris sydney jordan israel georgia india china asia chad kenya austin dallas brooklyn
    madison savannah carolina virginia alexandria milan roma vienna verona devon york bristol carlisle beverley kimberley kendal barry
    warwick washington stafford bradford nelson ramsey richmond boston brent bedford elgin hamilton harlow irvine mansfield melbourne
    milford norton paisley stanley stone thornton walton wellington wells weston wilton winston houston houghton dudley ely flint ford
    wing rock hope hale grove hill fleet banks burton clayton clifton denton eston easton eden cumbria wales scotland ireland england
    holland france spain germany jamaica cuba malta cyprus persia arabia egypt sudan ghana mali oman qatar iran iraq syria turkey
    lourdes geneva lima rio havana adelaide perth darwin durham essex sussex surrey dorset rutland cornwall avon tyne trent severn
    """.split()
)
FUNCTION = frozenset(
    "he she we they you it i me him her us them his hers its their our your my who what that this these those and but or so the an in on at to of".split()
)
# Words that go on a sentence after a name where a text has no capitals.
SMALL = frozenset(
    """
    will may said man too so then there now well just very also really back away off up down out about again all more most much some any
    both each few other such own same than was had has would could should might must can do did does done go goes going went come came
    comes get got make made take took know knew think thought see saw say says tell told ask asked is are were be been being not never
    always ever still yet here where when while until since as if like from with without for by over under between before after day
    week year time way thing things people long short good great new old big small first last next part side head hand work works
    """.split()
)
BORN_IN = frozenset("april may june august".split())
FEW_ACRONYMS = frozenset(
    "uk eu us mp pm it tv hr ok ai am no on so to be is me my we he do go if in of or up at as an by".split()
)
MONTHS = frozenset("may june april august march january february july september october november december".split())
ACRONYMS = frozenset(
    """
    ce dc cc bc uc it hr pr pm mp am uk eu us usa tv gp pa ok id ai ps vat ict cex ceo cfo coo lgr lga mou sla kpi asc icb ics ccg pct pcc
    bbc itv cic llp plc ltd cil ppe dwp phe pcn hq nb eg ie re vs phd mba ba bsc ma tbc tba fyi aob cv dj diy fe hs jv kc pc qa qc nhs lep
    led gdp gva roi rag npv faq pdf url sme hmo lpa lha psb ngo cab cvs vcs pta pta sen ehc hra sar dpa foi gis crm erp mtfs rsg bcf uksp
    se sw ne nw a b c d e f ad bc cd dvd atm pin sim sms usb mps gps dcn ccn sigoma solace cipfa mhclg dluhc dclg defra hmt hmrc mod
    dfe dft doh dhsc ofsted cqc rtpi cih iod fsb cbi tuc gmb con lab ld ukip snp dup no ex op st mr ms dr km mph pcs rv ev bt rbs hsbc bp gb
    m n o p q r s t u v w x y z i ii iii iv vi vii viii ix xi xii int iv dcs das dass dph dops ads hos cmt smt slt elt clt
    """.split()
)
PARTICLES = frozenset(
    "de van von vom zu der den del della di da do dos das du la le al el bin ibn bint ul ur ap ab ferch verch mac mc nic ni ui o st ter ten af abu".split()
)
# Those of them that begin a surname even where no given name stands before; the others may be a place's (La Rochelle).
LONE_PARTICLES = frozenset(
    "van von der den de di da dos das del della ap ab ferch verch mac mc nic ni ui ter ten bin bint ibn".split()
)
GENERIC = frozenset(
    """
    info enquiries enquiry contact contactus planning office admin team press comms hello support council clerk help mail email post
    customer customers services service democratic elections housing benefits noreply reply feedback consultation policy general
    reception media news jobs hr it finance legal leader chief executive parish mayor research interviews study project
    """.split()
)
# Surnames of two or three letters, of China, Vietnam and Korea, that behind an unknown given name are such.
SHORT_SURNAMES = frozenset(
    "le ly ng ho hu li lo lu ma wu xu yu vo vu do ha mo bui dao dinh duong huynh cao chu fan gao han jin kim lam lai lau lin liu luo mai pan shi sun tan tao wei yan yin zhu zou cho choi kang".split()
)
