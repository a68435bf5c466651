// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/template.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace fairlead::domain::octostache {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

VariableSet sample() {
  VariableSet set;
  set.set("Name", "World");
  set.set("Empty", "");
  set.set("Zero", "0");
  set.set("No", " No ");
  set.set("Other", "[#{Name}]");
  set.set("Broken", "#{Name");
  set.set("Partial", "a #{Missing} b");
  set.set("A.B[c].D", "deep");
  set.set("Key", "c");
  set.set("Pkg[a].V", "1");
  set.set("Pkg[b].V", "2");
  set.set("Own", "x,y");
  set.set("Own[a].V", "1");
  set.set("List", "a, b,c");
  set.set("Json", R"({"a":1,"b":[10,20],"c":{"d":"x"},"t":true,"n":null,"f":1.50,"e":1e3})");
  set.set("Json.over", "mine");
  set.set("Items", R"([{"n":"p"},{"n":"q"}])");
  set.set("Object", R"({"one":1,"two":{"x":2}})");
  set.set("Number", "5");
  set.set("ten", "10");
  set.set_sensitive("Password", "s3#{Name}cret");
  set.set("Connection", "pwd=#{Password}");
  set.set("Two Words", "2w");
  return set;
}

struct Row {
  std::string_view text;
  std::string_view expected;
  std::string_view error = {};  // the tokens that error_text lists
};

void check(const std::vector<Row>& rows, const VariableSet& variables) {
  for (const Row& row : rows) {
    const Evaluation result = evaluate(row.text, variables);
    EXPECT_EQ(result.text, row.expected) << row.text;
    const std::string error =
        row.error.empty() ? "" : "The following tokens were unable to be evaluated: " + std::string(row.error);
    EXPECT_EQ(result.error_text(), error) << row.text;
  }
}

TEST(Template, LooksUp) {
  const VariableSet set = sample();
  check({{"Hello #{Name}!", "Hello World!"},
         {"#{name}", "World"},
         {"#{ Name }", "World"},
         {"#{Two Words}", "2w"},
         {"#{Other}", "[World]"},
         {"#{A.B[c].D}", "deep"},
         {"#{a.b[C].d}", "deep"},
         {"#{A.B[#{Key}].D}", "deep"},
         {"#{A.B[#{ Key }].D}", "deep"},
         {"#{A.B[*].D}", "deep"},
         {"#{Broken}", "#{Name"},
         {"#{Empty}", ""}},
        set);
}

TEST(Template, EchoesWhatIsMissing) {
  const VariableSet set = sample();
  check({{"x #{Missing} y", "x #{Missing} y", "'#{Missing}'"},
         {"#{ Missing }", "#{Missing}", "'#{Missing}'"},
         {"#{Missing}#{Missing}#{Gone}", "#{Missing}#{Missing}#{Gone}", "'#{Missing}', '#{Gone}'"},
         {"#{Partial}", "a #{Missing} b", "'#{Missing}'"},
         {"#{A.B[#{Gone}].D}", "#{A.B[#{Gone}].D}", "'#{A.B[#{Gone}].D}'"},
         {"#{A.B}", "#{A.B}", "'#{A.B}'"},
         {"#{Missing | ToLower}", "#{Missing | ToLower}", "'#{Missing | ToLower}'"},
         {"#{Name | Nonsense}", "#{Name | Nonsense}", "'#{Name | Nonsense}'"},
         {"#{Name | Substring 9 1}", "#{Name | Substring \"9\" \"1\"}", "'#{Name | Substring \"9\" \"1\"}'"}},
        set);
}

TEST(Template, Escapes) {
  const VariableSet set = sample();
  check({{"##{Name}", "#{Name}"},
         {"##{Name} #{Name}", "#{Name} World"},
         {"###{Name}", "#World"},
         {"####{Name}", "###{Name}"},
         {"#{Name}#", "World#"},
         {"#{Name}##", "World##"},
         {"# { #{Name}", "# { World"},
         {"#if #{Name}", "#if World"}},
        set);
}

TEST(Template, Conditions) {
  const VariableSet set = sample();
  check({{"#{if Name}yes#{/if}", "yes"},
         {"#{ if Name}yes#{/if}", "yes"},
         {"#{IF Name}yes#{/if}", "yes"},
         {"#{if Missing}yes#{else}no#{/if}", "no"},
         {"#{if Empty}yes#{else}no#{/if}", "no"},
         {"#{if Zero}yes#{else}no#{/if}", "no"},
         {"#{if No}yes#{else}no#{/if}", "no"},
         {"#{unless Name}yes#{else}no#{/unless}", "no"},
         {"#{unless Missing}yes#{/unless}", "yes"},
         {"#{if Name == \"World\"}yes#{/if}", "yes"},
         {"#{if Name == \"world\"}yes#{else}no#{/if}", "no"},
         {"#{if Name==\"World\"}yes#{/if}", "yes"},
         {"#{if \"World\" == Name}yes#{/if}", "yes"},
         {"#{if Name != \"x\"}yes#{/if}", "yes"},
         {"#{if Missing == Gone}same#{/if}", "same"},
         {"#{if Name | ToLower == \"world\"}yes#{/if}", "yes"},
         {"#{if \"world\" == Name | ToLower}yes#{/if}", "yes"},
         {"#{if Missing}1#{elseif Zero}2#{elseif Name}3#{else}4#{/if}", "3"},
         {"#{if Name}a#{if Zero}b#{else}c#{/if}d#{/if}", "acd"},
         {"#{unless Missing}a#{elseif B}c#{/unless}", "a#{elseif B}c", "'#{elseif B}'"}},
        set);
  const Evaluation failed = evaluate("#{if Name | Nope 1 == \"w\"}a#{Name}##{b}#{else}c#{/if}", set);
  EXPECT_EQ(failed.text, "#{if Name | Nope \"1\" == \"w\"}a#{Name}##{b}#{else}c#{/if}");
  EXPECT_EQ(failed.missing.at(0).token, "Name | Nope \"1\"");
}

TEST(Template, Loops) {
  const VariableSet set = sample();
  check({{"#{each p in Pkg}#{p}=#{p.V};#{/each}", "a=1;b=2;"},
         {"#{each p in Own}<#{p}>#{/each}", "<x><y>"},
         {"#{each x in List}<#{x}>#{/each}", "<a>< b><c>"},
         {"#{each x in Items}#{x.n}#{/each}", "pq"},
         {"#{each x in Object}#{x}:#{x.Key}:#{x.Value};#{/each}", "one:one:1;two:two:{\"x\":2};"},
         {"#{each x in Json.b}#{x},#{/each}", "10,20,"},
         {"#{each x in Missing}never#{/each}", ""},
         {"#{each x in Empty}<#{x}>#{/each}", "<>"},
         {"#{each x in List}#{Octopus.Template.Each.Index}#{unless Octopus.Template.Each.Last},#{/unless}#{/each}",
          "0,1,2"},
         {"#{each x in List}#{if Octopus.Template.Each.First == \"True\"}#{x}#{/if}#{/each}", "a"},
         {"#{each Name in List}#{Name}#{/each}", "a bc"},
         {"#{each x in Items}#{each y in List}#{x.n}#{y}#{/each}#{/each}", "pap bpcqaq bqc"},
         {"#{each x in Pkg}#{Gone}#{/each}", "#{Gone}#{Gone}", "'#{Gone}'"}},
        set);
  VariableSet outputs;
  outputs.set("Octopus.Action[One].Output[m1].Url", "u1");
  outputs.set("Octopus.Action[One].Output[m2].Url", "u2");
  EXPECT_EQ(evaluate("#{each m in Octopus.Action[One].Output}#{m}=#{m.Url} #{/each}", outputs).text, "m1=u1 m2=u2 ");
  EvaluateOptions strict;
  strict.strict = true;
  EXPECT_EQ(evaluate("#{each x in List}<#{x}>#{/each}", set, strict).text, "<a><b><c>");
}

TEST(Template, Calculations) {
  const VariableSet set = sample();
  check({{"#{calc 1+2*3}", "7"},
         {"#{calc (1+2)*3}", "9"},
         {"#{calc 0.1+0.2}", "0.30000000000000004"},
         {"#{calc 1/3}", "0.3333333333333333"},
         {"#{calc Number + ten}", "15"},
         {"#{calc {ten}-{Number}}", "5"},
         {"#{calc 1/0}", "∞"},
         {"#{calc 0/0}", "NaN"},
         {"#{calc A+Missing}", "#{A+Missing}"},
         {"#{calc Name*2}", "#{Name*2}"},
         {"#{calc ten*100000000000000}", "1E+15"}},
        set);
  EvaluateOptions strict;
  strict.strict = true;
  EXPECT_FALSE(evaluate("#{calc A+Missing}", set, strict).ok());
}

TEST(Template, JsonLookups) {
  const VariableSet set = sample();
  check({{"#{Json.a}", "1"},
         {"#{Json[a]}", "1"},
         {"#{Json.b[1]}", "20"},
         {"#{Json.b[9]}", ""},
         {"#{Json.c.d}", "x"},
         {"#{Json.c}", "{\"d\":\"x\"}"},
         {"#{Json.A}", ""},
         {"#{Json.n}", ""},
         {"#{Json.t}", "True"},
         {"#{Json.f}", "1.5"},
         {"#{Json.e}", "1000"},
         {"#{Json.over}", "mine"},
         {"#{Json.b[x]}", "#{Json.b[x]}", "'#{Json.b[x]}'"},
         {"#{Json.b[-1]}", "#{Json.b[-1]}", "'#{Json.b[-1]}'"},
         {"#{Number.anything}", "5"},
         {"#{Name.x}", "#{Name.x}", "'#{Name.x}'"}},
        set);
  VariableSet lenient;
  lenient.set("J", "{ // comment\n a: 'it''s', \"b\": [1,2,], }");
  lenient.set("K", "{ a: 'x\"y', 'b c': 2 }");
  EXPECT_EQ(evaluate("#{K.a}#{K.b c}", lenient).text, "x\"y2");
}

TEST(Template, NullFilterMakesTheWholeResultNull) {
  const VariableSet set = sample();
  const Evaluation result = evaluate("a #{Name | null} b", set);
  EXPECT_TRUE(result.is_null);
  EXPECT_TRUE(result.ok());
  EXPECT_FALSE(evaluate("a #{Name | Null} b", set).ok());
}

TEST(Template, SyntaxErrors) {
  const VariableSet set = sample();
  for (const std::string_view text :
       {"#{", "#{}", "a #{Name", "#{Name!}", "#{/if}", "#{if Name == \"x}y#{/if}", "#{each x in List}a", "#{Name | }",
        "#{Name | Replace #{Key} | ToLower}", "#{A.}"}) {
    const Evaluation result = evaluate(text, set);
    EXPECT_EQ(result.text, text);
    EXPECT_TRUE(result.syntax_error) << text;
    EXPECT_THAT(result.error_text(), HasSubstr("Parsing failure: unexpected")) << text;
    EXPECT_FALSE(evaluate_truthy(text, set));
  }
  EXPECT_EQ(evaluate("#{Name | Replace #{Key}| ToLower}", set).text, "world");
  const Template parsed = Template::parse("line\n  #{Na!me}");
  ASSERT_TRUE(parsed.syntax_error());
  EXPECT_EQ(parsed.syntax_error()->position.line, 2u);
  EXPECT_EQ(parsed.syntax_error()->position.column, 7u);
  const Evaluation pieces = evaluate("#{Bad!} #{Name} #{/if} #{", set, {}, OnSyntaxError::keep_piece);
  EXPECT_EQ(pieces.text, "#{Bad!} World #{/if} #{");
  EXPECT_TRUE(pieces.ok());
}

TEST(Template, UnclosedBlockIsAVariableThatIsMissing) {
  const Evaluation result = evaluate("#{if Name}x #{Name}", sample());
  EXPECT_EQ(result.text, "#{if Name}x World");
  EXPECT_THAT(result.missing.at(0).reason, HasSubstr("not closed"));
}

TEST(Template, SaysWhereATokenIsMissing) {
  const VariableSet set = sample();
  const std::string text = "a: #{Name}\nb: #{Partial} #{Gone}\n";
  const Evaluation result = evaluate(text, set);
  ASSERT_EQ(result.missing.size(), 2u);
  EXPECT_EQ(result.missing[0].token, "#{Missing}");
  EXPECT_THAT(result.missing[0].chain, ElementsAre("Partial"));
  EXPECT_EQ(text.substr(result.missing[0].offset, result.missing[0].length), "#{Partial}");
  EXPECT_EQ(position_of(text, result.missing[0].offset).line, 2u);
  EXPECT_EQ(position_of(text, result.missing[1].offset).column, 15u);
  EXPECT_EQ(result.text.substr(result.missing[1].output_offset, 7), "#{Gone}");
  EXPECT_EQ(result.missing[1].reason, "There is no variable \"Gone\" in this scope.");
  EXPECT_THAT(result.missing[1].chain, IsEmpty());
  // "World" is one character longer than "#{Name}" was: positions after it are moved back.
  EXPECT_EQ(text.substr(result.source_offset(result.text.find("b: ")), 3), "b: ");
  EXPECT_EQ(result.source_offset(result.text.find("World") + 2), text.find("#{Name}"));
}

TEST(Template, FindsCycles) {
  VariableSet set;
  set.set("A", "#{B}");
  set.set("B", "x #{C}");
  set.set("C", "#{A}");
  set.set("Self", R"({"b":"#{Self.c}","c":"1"})");
  set.set("Loop", R"({"b":"#{Loop.b}"})");
  try {
    evaluate("#{A}", set);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "An attempt to parse the variable symbol \"A\" appears to have resulted in a self referencing loop (A -> "
              "B -> C "
              "-> A). Ensure that recursive loops do not exist in the variable values.");
  }
  EXPECT_EQ(evaluate("#{Self.b}", set).text, "1");
  EXPECT_THROW(evaluate("#{Loop.b}", set), Error);
}

TEST(Template, BoundsItsWork) {
  VariableSet set;
  set.set("L0", "0123456789");
  for (int i = 1; i < 40; ++i) {
    const std::string before = "#{L" + std::to_string(i - 1) + "}";
    set.set("L" + std::to_string(i), before + before);
  }
  EXPECT_THROW(evaluate("#{L39}", set), Error);
  set.set("Many", std::string(3000, ','));
  EXPECT_THROW(evaluate("#{each a in Many}#{each b in Many}x#{/each}#{/each}", set), Error);
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "#{if Name}";
  EXPECT_THROW(Template::parse(deep), Error);
  std::string options = "#{a";
  for (int i = 0; i < 90; ++i) options += " | F #{if a";
  EXPECT_TRUE(Template::parse(options).syntax_error());
  Limits limits;
  limits.template_bytes = 10;
  EXPECT_THROW(Template::parse("12345678901", OnSyntaxError::keep_whole, limits), Error);
  for (int i = 0; i < 70; ++i) set.set("D" + std::to_string(i), "#{D" + std::to_string(i + 1) + "}");
  EXPECT_THROW(evaluate("#{D0}", set), Error);
}

TEST(Template, TracksSensitiveVariables) {
  const VariableSet set = sample();
  const Evaluation direct = evaluate("#{Connection | ToBase64}", set);
  EXPECT_TRUE(direct.sensitive());
  EXPECT_THAT(direct.sensitive_variables, ElementsAre("Password"));
  EXPECT_EQ(evaluate("#{Password}", set).text, "s3#{Name}cret");
  EXPECT_FALSE(evaluate("#{Name}", set).sensitive());
}

TEST(Template, Truthiness) {
  const VariableSet set = sample();
  for (const std::string_view text : {"1", " 0 ", " ", "off", "n", "#{Name}", "True"})
    EXPECT_TRUE(evaluate_truthy(text, set)) << text;
  for (const std::string_view text :
       {"", "0", "no", " FALSE ", "#{Missing}", "true #{Missing}", "#{Empty}", "#{Name | null}"}) {
    EXPECT_FALSE(evaluate_truthy(text, set)) << text;
  }
  VariableSet failed;
  EXPECT_TRUE(evaluate_truthy("#{unless Octopus.Deployment.Error}true#{/unless}", failed));
  failed.set("Octopus.Deployment.Error", "boom");
  EXPECT_FALSE(evaluate_truthy("#{unless Octopus.Deployment.Error}true#{/unless}", failed));
}

TEST(Template, NamesItsArguments) {
  const Template parsed = Template::parse(
      "#{A} #{if B == C | F #{D}}#{each x in E}#{x.y} #{G}#{Octopus.Template.Each.Index}#{/each}#{/if}#{calc {H}+1} "
      "#{a} #{I[#{J}]}");
  EXPECT_THAT(parsed.argument_names(), ElementsAre("A", "B", "C", "D", "E", "G", "H", "J", "I[#{J}]"));
}

TEST(VariableSet, LayersAndReads) {
  VariableSet base;
  base.set("A", "base");
  base.set("B", "#{A}");
  base.set("Flag", "TRUE");
  base.set("Int", " 42 ");
  base.set("Strings", "a, b,, c");
  base.set("a+x", "odd");
  VariableSet top(&base);
  top.set("A", "top");
  EXPECT_EQ(evaluate("#{B}", top).text, "top");
  EXPECT_EQ(get(top, "B"), "top");
  EXPECT_EQ(top.raw("b"), "#{A}");
  EXPECT_EQ(get(base, "a+x"), "odd");
  EXPECT_TRUE(get_flag(top, "Flag", false));
  EXPECT_TRUE(get_flag(top, "None", true));
  EXPECT_EQ(get_int(top, "Int"), 42);
  EXPECT_THAT(get_strings(top, "Strings"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(top.names(), ElementsAre("A", "a+x", "B", "Flag", "Int", "Strings"));
  EXPECT_THROW(require(top, "None"), Error);
  EXPECT_EQ(escape("#{A} ##"), "##{A} ##");
  EXPECT_EQ(evaluate(escape("#{A} ##"), top).text, "#{A} ##");
  EXPECT_THROW(top.set(std::string(5000, 'x'), ""), Error);
}

}  // namespace
}  // namespace fairlead::domain::octostache
