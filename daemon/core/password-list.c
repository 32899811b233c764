/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What guessers try first. Since the least length of a password is 15 characters, the usual lists
 * of short passwords say nothing; these hold what people take when they must reach 15: sentences,
 * names and titles that many others take (common texts), and what a password is stretched from or
 * to (common words, rows of keys). All in lower case without spaces; password-check.c knows the
 * other ways to write them.
 */

#include "core/password-list.h"

#include "base/cleanup.h"

/* clang-format off */
static const char *const common_words[] = {
	"gatehouse", "gateway", "gatehouseadmin", "sensor", "sensors", "device", "technician",
	"viewer", "operator", "installer", "platform", "broker", "mosquitto", "mqtt", "coap",
	"raspberry", "raspberrypi", "debian", "linux", "ubuntu", "industrial", "factory", "plant",
	"admin", "administrator", "root", "toor", "user", "guest", "default", "system", "service",
	"support", "login", "logon", "access", "server", "network", "internet", "computer",
	"company", "office", "master", "manager", "test", "testing", "demo", "sample", "example",
	"pass", "passwd", "password", "passwords", "passphrase", "passwort", "kennwort", "parola",
	"contrasena", "motdepasse", "senha", "haslo", "wachtwoord", "secret", "geheim", "secure",
	"security", "welcome", "willkommen", "welkom", "hello", "letmein", "changeme", "change",
	"please", "opensesame", "trustno1", "iloveyou", "monkey", "dragon", "sunshine",
	"princess", "football", "baseball", "basketball", "superman", "batman", "pokemon",
	"starwars", "whatever", "shadow", "michael", "jordan", "jessica", "ashley", "charlie",
	"daniel", "spring", "summer", "autumn", "winter", "january", "february", "march", "april",
	"june", "july", "august", "september", "october", "november", "december", "monday",
	"friday", "my", "the", "is", "for", "new", "our", "your", "this",
};

static const char *const common_texts[] = {
	"1q2w3e4r5t6y7u8i", "1q2w3e4r5t6y7u8i9o0p", "a1b2c3d4e5f6g7h8", "aabbccddeeffgghh",
	"abc123abc123abc123", "abcd1234abcd1234", "abcdefg12345678", "abcdefghijklmnop",
	"adminadminadmin", "administrator123", "administrator1234", "administratoradministrator",
	"allahuakbarallah", "allweneedislove", "allyouneedislove", "alohomoraalohomora",
	"aprilia12345678", "arianagrande123", "arsenalarsenal12", "arsenalfootballclub",
	"aslannisteralwayspayshisdebts", "assassinscreed1", "assassinscreed12", "atleticomadrid1",
	"attackontitan12", "avadakedavra123", "avengedsevenfold", "averylongpassword",
	"averysecurepassword", "barcelonabarcelona", "baseballbaseball", "basketball12345",
	"basketballbasketball", "batmanandrobin1", "batmanbatman123", "bayernmuenchen1",
	"bayernmunchen12", "beautyandthebeast", "believeinyourself", "believeinyourself1",
	"bemeupscotty1234", "bismillahirrahman", "bismillahirrahmanirrahim", "blackandwhite12",
	"blessedbethelord", "bobmarley420420", "borussiadortmund", "borussiadortmund09",
	"bostonceltics12", "bostonredsox123", "breakingbadfan1", "bulletproofboys",
	"butterfly123456", "butterflybutterfly", "callofduty12345", "callofdutyblackops",
	"callofdutymodernwarfare", "carpediemcarpe1", "carpediemcarpediem", "changemechangeme",
	"changemenow1234", "changemeplease12", "changemypassword", "changethispassword",
	"chelseachelsea1", "chelseafootballclub", "chevroletcamaro", "chicagobulls123",
	"chocolatecake12", "chocolatechip12", "chocolatechocolate", "cinderella12345",
	"computercomputer", "contrasena12345", "correctbatteryhorsestaple", "correcthorsebattery",
	"correcthorsebatterystaple", "counterstrike12", "counterstrike16", "cristianoronaldo",
	"cristianoronaldo07", "cristianoronaldo7", "dallascowboys12", "dallascowboys123",
	"daspasswortistgeheim", "davidbeckham123", "defaultpassword", "defaultpassword1",
	"donaldduck123456", "dontworrybehappy", "dontworrybehappy1", "dragonballsuper",
	"dragonballz1234", "dreamscometrue1", "dreamscometrue123", "dumbledoresarmy",
	"einszweidreivier", "einszweidreivierfuenf", "elvispresley123", "elvispresley1935",
	"everythinghappensforareason", "everythingisawesome", "everythingwillbeok",
	"expectopatronum", "fcbarcelona1234", "fenerbahce190719", "fiveforseveneight",
	"followthewhiterabbit", "followyourdreams", "followyourheart", "footballfootball",
	"fordmustang1967", "fordmustanggt500", "foreverandalways", "foreverandeveramen",
	"foreverinmyheart", "formulaonerace1", "fortnite1234567", "frozenletitgo12",
	"galatasaray1905", "gameofthrones123", "geheimespasswort", "geheimgeheim123",
	"godblessamerica", "godisgoodallthetime", "godisloveandlight", "gottacatchemall",
	"grandtheftauto12", "grandtheftauto5", "grandtheftautov1", "greenbaypackers",
	"greenbaypackers1", "greendaygreenday", "gryffindorhouse", "hakunamatata123",
	"hakunamatataforever", "hallelujahpraise", "happilyeverafter", "happybirthday12",
	"happybirthday123", "happybirthdaytome", "happybirthdaytoyou", "happynewyear2020",
	"happynewyear2024", "harleydavidson1", "harleydavidson12", "harleydavidson123",
	"harrypotter7890", "harrypotterandme", "haslohaslo12345", "hastalavista123",
	"hastalavistababy", "hogwartsexpress", "hondacivic12345", "horsebatterystaple",
	"houstonwehaveaproblem", "howdoyouturnthison", "howimetyourmother", "hufflepuffhouse",
	"iamlegend123456", "iamthebest12345", "iamthebestintheworld", "iamtheboss12345",
	"iamthewalrus123", "iamyourfatherluke", "idonthaveapassword", "idontknow123456",
	"idontknowmypassword", "iforgotmypassword", "iforgotthepassword", "ihatepasswords1",
	"ihatepasswords12", "illbebackillbeback", "ilovebasketball", "iloveharrypotter",
	"ilovejesuschrist", "ilovejustinbieber", "ilovemichaeljackson", "ilovemusicandyou",
	"ilovemyboyfriend", "ilovemychildren", "ilovemydaughter", "ilovemydogandcat",
	"ilovemygirlfriend", "iloveonedirection", "iloveyoubabygirl", "iloveyouforever",
	"iloveyoumorethananything", "iloveyoumyfriend", "iloveyousomuchbaby", "iloveyoutothemoon",
	"iloveyoutothemoonandback", "iloveyouverymuch", "iloveyouwithallmyheart",
	"ineedapassword1", "ingodwetrustall", "internazionale1", "internetinternet",
	"ironmaiden66666", "januaryfebruary", "januaryfebruarymarch", "jesuschristislord",
	"jesusismysavior", "jesusisthereason", "johnlennonbeatles", "jumpsoverthelazydog",
	"justinbieber123", "justinbieberfever", "juventusjuventus", "kawasakininja12",
	"kawasakininja250", "keepcalmandcarry", "keepcalmandcarryon", "kobebryant24824",
	"ladygagaladygaga", "lailahaillallah", "lamborghini1234", "lamborghinigallardo",
	"leagueoflegends", "leagueoflegends1", "ledzeppelin1234", "ledzeppelin1969",
	"letmeinletmein1", "letmeinletmein12", "letmeinnowplease", "letmeinplease12",
	"linkinpark12345", "linkinparklinkinpark", "lionelmessi1010", "lionelmessi12345",
	"littlemermaid123", "livelaughlove12", "livelongandprosper", "livelovelaugh12",
	"liverpoolfc1234", "liverpoolfootballclub", "lordoftherings1", "loremipsumdolor",
	"loremipsumdolorsitamet", "losangeleslakers", "losangeleslakers24", "loveisallyouneed",
	"loveofmylife123", "loveyouforeverandever", "lukeiamyourfather", "makeamericagreat",
	"makeamericagreatagain", "manchestercity1", "manchestercity12", "manchesterunited",
	"manchesterunited1", "marilynmonroe12", "marilynmonroe26", "maytheforcebewithus",
	"maytheforcebewithyou", "meinpasswort123", "mercedesbenz123", "merrychristmas1",
	"merrychristmas12", "metallica123456", "metallicametallica", "michaeljackson1",
	"michaeljackson12", "michaeljordan123", "michaeljordan23", "mickeymouseclub",
	"micontrasena123", "minecraft123456", "minecraftminecraft", "minhasenha12345",
	"minniemouse12345", "modernwarfare12", "mondaytuesday12", "mondaytuesdaywednesday",
	"motdepasse12345", "motdepassemotdepasse", "mychemicalromance", "mynewpassword12",
	"mynewpassword123", "mypasswordis123", "mypasswordispassword", "mysecretpassword",
	"mysecretpassword1", "narutoshippuden", "narutouzumaki12", "networkadministrator",
	"nevergiveup1234", "nevergiveupnever", "nevergonnagiveyouup", "neversaynever12",
	"newcastleunited", "newcastleunited1", "newenglandpatriots", "newyorkgiants12",
	"newyorkyankees1", "newyorkyankees2", "ninjaturtles123", "nissanskyline12",
	"nissanskylinegtr", "nopasswordhere1", "nopasswordneeded", "oaklandraiders1",
	"onceuponatimeinamerica", "onedirection1234", "onedirectionforever", "onepieceluffy12",
	"oneringtorulethemall", "onetwothreefour", "onetwothreefour1", "onetwothreefourfive",
	"onetwothreefourfivesix", "onlygodcanjudgeme", "opensesame12345", "opensesameopensesame",
	"openthepodbaydoors", "panicatthedisco", "parolaparola123", "parolparolparol",
	"passwordispassword", "passwordpassword", "passwordpassword1", "passwortpasswort",
	"philadelphiaeagles", "pikachupikachu1", "pinkfloyd123456", "pinkfloydthewall",
	"pittsburghsteelers", "pittsburgsteelers", "pleasechangeme1", "pleasechangeme12",
	"pleaseletmein12", "pleaseletmeinnow", "pokemonmaster12", "princess1234567",
	"princessoftheworld", "princessprincess", "quickbrownfoxjumps", "qwertyuiopasdfgh",
	"qwertyuiopasdfghjklzxcvbnm", "rageagainstthemachine", "rainbowunicorn12",
	"reallylongpassword", "realmadrid12345", "realmadridcf123", "redgreenblue1234",
	"redhotchilipepper", "redhotchilipeppers", "redorangeyellow", "resistanceisfutile",
	"robloxroblox123", "rootrootrootroot", "sailormoon12345", "sanfrancisco49ers",
	"sanfranciscogiants", "securepassword1", "securepassword12", "securepassword123",
	"selenagomez1234", "senhasenhasenha", "spidermanspiderman", "spongebob123456",
	"spongebobsquare", "spongebobsquarepants", "springsummer2023", "springsummerautumn",
	"starwarsepisode", "strangerthings1", "strangerthings11", "strongpassword1",
	"strongpassword12", "strongpassword123", "subaruimpreza12", "subhanallahialhamdulillah",
	"summertimesadness", "sunshine1234567", "sunshinesunshine", "superadministrator",
	"supercalifragilistic", "supercalifragilisticexpialidocious", "supermansuperman",
	"supernatural123", "supernaturalfan", "supersecretpass", "supersecretpassword",
	"suzukigsxr10000", "systemadministrator", "systemofadown12", "taylorswift1313",
	"taylorswift1989", "teenagemutantninjaturtles", "temporarypassword", "temppassword123",
	"testingtesting1", "testingtesting12", "testingtesting123", "testpassword123",
	"testtesttesttest", "thankyoulordjesus", "thebeatles12345", "thebigbangtheory",
	"theelderscrolls", "theforceiswithyou", "thelordismyshepherd", "thelordoftherings",
	"thequickbrownfox", "thequickbrownfoxjumpedoverthelazydog", "thequickbrownfoxjumps",
	"thequickbrownfoxjumpsoverthelazydog", "thewalkingdead1", "thisisapassword",
	"thisisapassword1", "thisisasecret123", "thisisasecurepassword", "thisisatest1234",
	"thisisatestonly", "thisismynewpassword", "thisismypassword", "thisismypassword1",
	"thisismysecret1", "thisisnotapassword", "thisisnotmypassword", "thisisthelife12",
	"thisisthepassword", "thisisthewaymando", "tobeornottobethatis",
	"tobeornottobethatisthequestion", "toinfinityandbeyond", "toortoortoortoor",
	"topsecretpassword", "tothemoonandback", "tothemoonandbackagain", "tottenhamhotspur",
	"tottenhamhotspurs", "toyotacorolla12", "transformers123", "trustno1trustno1",
	"undeuxtroisquatre", "undostrescuatro", "undostrescuatrocinco", "unicornsandrainbows",
	"unitedstatesofamerica", "unodostrescuatro", "valardohaeris11", "valarmorghulis1",
	"verylongpassword", "verylongpassword1", "verysecretpassword", "verysecurepassword",
	"volkswagengolf1", "wachtwoord12345", "walkingdead12345", "welcomeback1234",
	"welcomehome1234", "welcometothejungle", "welcomewelcome1", "welkom01welkom01",
	"westhamunited12", "whatcomesaround", "whateveritis123", "whatismypassword",
	"whatisthepassword", "whatsmypassword", "wingardiumleviosa", "winniethepooh12",
	"winniethepoohbear", "winteriscoming2019", "worldofwarcraft", "worldofwarcraft1",
	"yamahayamaha123", "yeswecanyeswecan", "youarebeautiful", "youaremyeverything",
	"youaremysunshine", "youaremysunshinemyonlysunshine", "youaresobeautiful",
	"youllneverwalkalone", "youneverwalkalone", "youshallnotpass", "youshallnotpass1",
};

static const char *const runs[] = {
	"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop[]", "qwertzuiop",
	"azertyuiop", "asdfghjkl;'", "zxcvbnm,./", "yxcvbnm,.-", "wxcvbn,;:!",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/", "qazwsxedcrfvtgbyhnujmikolp",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1a2b3c4d5e6f7g8h9i0j",
	"a1b2c3d4e5f6g7h8i9j0", "!@#$%^&*()_+", "!\"$%&/()=?",
};
/* clang-format on */

const char *const *password_common_words(size_t *ret_count)
{
	*ret_count = ELEMENTS(common_words);
	return common_words;
}

const char *const *password_common_texts(size_t *ret_count)
{
	*ret_count = ELEMENTS(common_texts);
	return common_texts;
}

const char *const *password_runs(size_t *ret_count)
{
	*ret_count = ELEMENTS(runs);
	return runs;
}
