/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_name.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define NUMBERS     1000u /* 0..999, as MLflow's */

static const char *const adjectives[] = { "able", "agile", "airy", "alert", "amber", "ample",
	"ancient", "apt", "aqua", "arctic", "ardent", "astral", "autumn", "avid", "azure",
	"balanced", "balmy", "bashful", "bold", "bouncy", "brave", "breezy", "brief", "bright",
	"brisk", "bronze", "bubbly", "bustling", "calm", "candid", "capable", "careful", "casual",
	"cedar", "celestial", "charming", "cheerful", "chipper", "civic", "clean", "clear",
	"clever", "cloudy", "coastal", "colorful", "comic", "cool", "copper", "coral", "cordial",
	"cosmic", "cosy", "courteous", "crafty", "crimson", "crisp", "curious", "dainty", "dapper",
	"daring", "dashing", "dazzling", "deep", "deft", "delicate", "dewy", "diligent", "distant",
	"dreamy", "dynamic", "eager", "early", "earnest", "eastern", "easy", "elated", "electric",
	"elegant", "eloquent", "emerald", "eminent", "enchanted", "endless", "energetic", "epic",
	"even", "exact", "exotic", "fabled", "fair", "faithful", "famous", "fancy", "fearless",
	"festive", "fine", "first", "fleet", "floral", "fluent", "fluffy", "forested", "fortunate",
	"frank", "free", "fresh", "friendly", "frosty", "frugal", "gallant", "gentle", "genuine",
	"gifted", "glad", "glassy", "gleaming", "glossy", "golden", "good", "graceful", "grand",
	"grassy", "grateful", "great", "green", "happy", "hardy", "harmonic", "hasty", "hazel",
	"hearty", "helpful", "hidden", "honest", "hopeful", "humble", "humming", "icy", "ideal",
	"indigo", "inland", "intrepid", "inventive", "iron", "ivory", "jaunty", "jolly", "jovial",
	"joyful", "jubilant", "just", "keen", "kind", "kindly", "lasting", "lavender", "lavish",
	"leafy", "learned", "legendary", "level", "light", "likable", "lilac", "lively", "lofty",
	"logical", "loyal", "lucid", "lucky", "luminous", "lunar", "lush", "magnetic", "majestic",
	"marble", "maroon", "mellow", "melodic", "merry", "mighty", "mild", "mindful", "minty",
	"misty", "modest", "mossy", "musical", "mystic", "nautical", "neat", "nifty", "nimble",
	"noble", "nocturnal", "northern", "novel", "oaken", "oceanic", "olive", "open",
	"optimistic", "orange", "orderly", "organic", "painted", "pastel", "patient", "peaceful",
	"pearly", "peppy", "placid", "playful", "pleasant", "plucky", "poetic", "polar", "polished",
	"polite", "practical", "precise", "pristine", "prompt", "proper", "proud", "prudent",
	"punctual", "purple", "quaint", "quick", "quiet", "quirky", "radiant", "rainy", "rapid",
	"rare", "ready", "resilient", "rested", "robust", "rosy", "rural", "rustic", "sandy",
	"sapphire", "scenic", "scholarly", "sedate", "serene", "shiny", "silent", "silken",
	"silver", "simple", "sincere", "skillful", "sleek", "smart", "smiling", "smooth", "snowy",
	"snug", "sociable", "solar", "solid", "sonic", "spirited", "splendid", "spotted",
	"sprightly", "stable", "starry", "stately", "steady", "stellar", "sterling", "still",
	"stoic", "striped", "sturdy", "subtle", "sunny", "super", "sure", "swift", "tactful",
	"talented", "tame", "tawny", "teal", "tender", "thankful", "thorough", "thoughtful",
	"thrifty", "tidal", "tidy", "timely", "tiny", "tranquil", "trusty", "truthful", "twilight",
	"unique", "upbeat", "upright", "urban", "useful", "valiant", "valid", "vast", "velvet",
	"verdant", "versatile", "vibrant", "vigilant", "violet", "vital", "vivid", "wandering",
	"warm", "watchful", "western", "whimsical", "whole", "wild", "windy", "winged", "winter",
	"wise", "witty", "wondrous", "wooden", "worthy", "young", "zealous", "zesty", "zippy" };

static const char *const animals[] = { "aardvark", "albatross", "alpaca", "anchovy", "angelfish",
	"anteater", "antelope", "armadillo", "avocet", "axolotl", "badger", "bandicoot",
	"barracuda", "basilisk", "bat", "bear", "beaver", "beetle", "bilby", "bison", "bittern",
	"blackbird", "bluebird", "boa", "bobcat", "bongo", "buffalo", "bulbul", "bullfinch",
	"bumblebee", "bunting", "bushbaby", "butterfly", "buzzard", "caiman", "camel", "canary",
	"capybara", "caracal", "cardinal", "caribou", "carp", "cassowary", "cat", "caterpillar",
	"catfish", "chaffinch", "chameleon", "chamois", "cheetah", "chickadee", "chinchilla",
	"chipmunk", "cicada", "civet", "clam", "cobra", "cockatoo", "cod", "colt", "condor", "coot",
	"cormorant", "cougar", "coyote", "crab", "crane", "crayfish", "cricket", "crocodile",
	"crossbill", "crow", "cuckoo", "curlew", "cuttlefish", "deer", "dingo", "dipper", "dolphin",
	"dormouse", "dove", "dragonfly", "duck", "dugong", "dunlin", "eagle", "echidna", "eel",
	"egret", "eider", "eland", "elephant", "elk", "emu", "ermine", "falcon", "fawn", "ferret",
	"finch", "firefly", "flamingo", "flounder", "fossa", "fox", "frog", "gannet", "gar",
	"gazelle", "gecko", "gerbil", "gibbon", "giraffe", "glider", "gnu", "goat", "godwit",
	"goldfinch", "goldfish", "goose", "gopher", "goshawk", "grasshopper", "grebe", "grouper",
	"grouse", "guillemot", "gull", "guppy", "haddock", "halibut", "hamster", "hare", "harrier",
	"hawk", "hedgehog", "heron", "herring", "hoopoe", "hornbill", "horse", "hummingbird",
	"husky", "hyena", "hyrax", "ibex", "ibis", "iguana", "impala", "indri", "jackal", "jackdaw",
	"jackrabbit", "jaguar", "jay", "jellyfish", "jerboa", "kakapo", "kangaroo", "kestrel",
	"kingfisher", "kinkajou", "kite", "kiwi", "koala", "kookaburra", "kudu", "lacewing",
	"ladybird", "lamb", "lamprey", "langur", "lapwing", "lark", "lemming", "lemur", "leopard",
	"limpet", "linnet", "lion", "lizard", "llama", "lobster", "loon", "loris", "lynx", "macaw",
	"mackerel", "magpie", "mallard", "mammoth", "manatee", "mandrill", "manta", "margay",
	"marlin", "marmoset", "marmot", "marten", "martin", "meerkat", "merlin", "mink", "minnow",
	"mole", "mongoose", "moorhen", "moose", "moth", "mouse", "mule", "muskox", "narwhal",
	"nautilus", "newt", "nightingale", "numbat", "nuthatch", "ocelot", "octopus", "okapi",
	"opossum", "orangutan", "orca", "oriole", "oryx", "osprey", "ostrich", "otter", "owl", "ox",
	"oyster", "panda", "pangolin", "panther", "parakeet", "parrot", "partridge", "peacock",
	"pelican", "penguin", "perch", "petrel", "pheasant", "pigeon", "pika", "pike", "pipit",
	"platypus", "plover", "polecat", "pony", "porcupine", "porpoise", "possum", "puffin",
	"puma", "python", "quail", "quetzal", "quokka", "quoll", "rabbit", "raccoon", "ram",
	"raven", "ray", "redpoll", "redstart", "reindeer", "rhea", "robin", "rook", "sable",
	"saiga", "salamander", "salmon", "sanderling", "sandpiper", "sardine", "scallop",
	"scorpion", "seahorse", "seal", "serval", "shark", "sheep", "shelduck", "shrew", "shrike",
	"shrimp", "siskin", "skink", "skua", "skylark", "sloth", "snail", "snipe", "sparrow",
	"spoonbill", "squid", "squirrel", "stallion", "starfish", "starling", "stingray", "stoat",
	"stork", "sturgeon", "sunbird", "swallow", "swan", "swift", "swordfish", "takin", "tamarin",
	"tanager", "tapir", "tarsier", "teal", "tenrec", "tern", "terrapin", "thrush", "tiger",
	"toad", "tortoise", "toucan", "treefrog", "trout", "tuna", "turbot", "turtle", "urchin",
	"vicuna", "viper", "vole", "vulture", "wagtail", "wallaby", "walrus", "warbler", "waxwing",
	"weasel", "weaver", "whale", "wheatear", "whimbrel", "whippet", "wigeon", "wildcat", "wolf",
	"wolverine", "wombat", "woodcock", "woodlark", "woodpecker", "wren", "yak", "zebra",
	"zebu" };

/* Names may repeat, so the clock will do where the kernel refuses (an old sandbox's filter). */
static uint64_t random_bits(void)
{
	uint64_t bits;
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) == (ssize_t)sizeof(bits))
		return bits;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	bits = ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^ ((uint64_t)getpid() << 20);
	bits *= 0x9E3779B97F4A7C15u; /* an odd constant spreads the low bits over the high ones */
	return bits ^ (bits >> 29);
}

/* Takes one of count choices off the bits; 64 bits over some 10^8 names leave no visible bias. */
static unsigned take(uint64_t *bits, unsigned count)
{
	unsigned choice = (unsigned)(*bits % count);
	*bits /= count;
	return choice;
}

void run_name_generate(char name_out[RUN_NAME_SIZE])
{
	uint64_t bits = random_bits();
	const char *adjective = adjectives[take(&bits, COUNT(adjectives))];
	const char *animal = animals[take(&bits, COUNT(animals))];
	snprintf(name_out, RUN_NAME_SIZE, "%s-%s-%u", adjective, animal, take(&bits, NUMBERS));
}
