using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Platform.Hosting;

/// <summary>Options that refuse to start the process, and name the configuration key that is wrong.</summary>
public static class ValidatedOptions
{
    /// <summary>
    /// Binds <typeparamref name="T"/> to a section and validates it when the host starts: unknown keys, values of the wrong type,
    /// data annotations and <see cref="IValidatableObject"/> rules. Calling it twice for one type is harmless.
    /// </summary>
    /// <param name="builder">The host's builder.</param>
    /// <param name="section">The section's path, for example "Bus" or "Auth:Jwt".</param>
    public static void AddValidatedOptions<T>(this IHostApplicationBuilder builder, string section)
        where T : class
    {
        if (builder.Services.Any(s => s.ServiceType == typeof(IConfigureOptions<T>)))
        {
            return;
        }
        builder
            .Services.AddOptions<T>()
            .Configure<IConfiguration>(
                (options, configuration) => Bind(options, configuration.GetSection(section))
            )
            .ValidateOnStart();
    }

    /// <summary>Binds and validates a section now, for choices made while the host is composed.</summary>
    /// <exception cref="OptionsValidationException">Names every key that is wrong.</exception>
    public static T ReadValidated<T>(this IConfiguration configuration, string section)
        where T : class, new()
    {
        var options = new T();
        Bind(options, configuration.GetSection(section));
        return options;
    }

    private static void Bind<T>(T options, IConfigurationSection section)
        where T : class
    {
        var failures = new List<string>();
        CheckValue(typeof(T), section, failures);
        if (failures.Count == 0)
        {
            section.Bind(options);
            var results = new List<ValidationResult>();
            Validator.TryValidateObject(
                options,
                new(options),
                results,
                validateAllProperties: true
            );
            failures.AddRange(
                from result in results
                let member = result.MemberNames.FirstOrDefault()
                select member is null
                    ? $"{section.Path}: {result.ErrorMessage}"
                    : $"{section.Path}:{member}: {result.ErrorMessage}"
            );
        }
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(T), failures);
        }
    }

    private static void CheckKeys(Type type, IConfigurationSection section, List<string> failures)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite)
            .ToArray();
        foreach (var child in section.GetChildren())
        {
            var property = Array.Find(
                properties,
                p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase)
            );
            if (property is null)
            {
                var known = string.Join(", ", properties.Select(p => p.Name).Order());
                failures.Add($"{child.Path}: unknown key; {section.Path} has {known}");
                continue;
            }
            CheckValue(property.PropertyType, child, failures);
        }
    }

    private static void CheckValue(Type type, IConfigurationSection value, List<string> failures)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (ElementType(type) is { } element)
        {
            foreach (var child in value.GetChildren())
            {
                CheckValue(element, child, failures);
            }
            return;
        }
        var converter = TypeDescriptor.GetConverter(type);
        if (!converter.CanConvertFrom(typeof(string)))
        {
            CheckKeys(type, value, failures);
            return;
        }
        if (value.Value is not { Length: > 0 } text)
        {
            return;
        }
        if (type.IsEnum)
        {
            if (
                !Enum.TryParse(type, text, ignoreCase: true, out var parsed)
                || !Enum.IsDefined(type, parsed)
            )
            {
                failures.Add(
                    $"{value.Path}: '{text}' is not one of {string.Join(", ", Enum.GetNames(type))}"
                );
            }
            return;
        }
        try
        {
            converter.ConvertFromString(null, CultureInfo.InvariantCulture, text);
        }
        catch (Exception e)
            when (e is ArgumentException or FormatException or NotSupportedException)
        {
            failures.Add($"{value.Path}: '{text}' is not a valid {type.Name}");
        }
    }

    private static Type? ElementType(Type type) =>
        type == typeof(string) ? null
        : type.IsArray ? type.GetElementType()
        : type.GetInterfaces()
            .Append(type)
            .FirstOrDefault(i =>
                i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEnumerable<>)
            )
            ?.GetGenericArguments()[0];
}
