using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>One segmentation of a crop.</summary>
/// <param name="Source">What made it.</param>
/// <param name="Labels">On the crop's grid.</param>
sealed record Segmentation(string Source, Volume<byte> Labels);

/// <summary>
/// Segmentations of crops from sources of every quality: the crop's own labels degraded, atlases put on well or badly, and networks trained for
/// long or shortly. The atlases are the other crops of the group, which are never among the references that judge.
/// </summary>
/// <param name="crops">The group.</param>
/// <param name="networks">None learnt from a crop of the group.</param>
sealed class HippocampusSegmentations(
    IReadOnlyList<LabelledScan> crops,
    IReadOnlyList<HippocampusNetwork> networks
)
{
    public const string Degraded = "degraded truth",
        Shifted = "atlas, shifted only",
        Affine = "atlas, affine only",
        Wrong = "atlas, another case's transform",
        Vote = "vote of 5 registered atlases";

    const int Atlases = 5;

    static readonly double[] Severities = [0.1, 0.22, 0.34, 0.46, 0.58, 0.7, 0.85];

    readonly IReadOnlyList<Reference> _atlases = HippocampusData.Set(crops).References;

    readonly RegistrationOptions _deformable = HippocampusData.Set([crops[0]]).Registration;

    /// <summary>Segments one crop of the group by every source, always alike.</summary>
    public IReadOnlyList<Segmentation> Of(int number, int seed)
    {
        var (image, truth) = crops[number];
        var segmentations = new List<Segmentation>();
        for (var n = 0; n < Severities.Length; n++)
        {
            var labels = SegmentationDegrader.Degrade(truth, Severities[n], 1000 * seed + n);
            segmentations.Add(new(Degraded, labels));
        }
        var moving = MovingImage.Prepare(image, _deformable);
        var transforms = Enumerable
            .Range(1, Atlases)
            .Select(n => (Atlas: (number + n) % crops.Count, Transform: Align(number + n, moving)))
            .ToArray();
        for (var n = 0; n < 2; n++)
        {
            var (atlas, transform) = transforms[n];
            segmentations.Add(new(Shifted, Centred(atlas, image.Geometry)));
            segmentations.Add(new(Affine, WithoutWarp(atlas, transform, image.Geometry)));
        }
        var wrong = transforms[2]
            .Transform.WarpToMoving(crops[transforms[3].Atlas].Labels, image.Geometry);
        segmentations.Add(new(Wrong, wrong));
        segmentations.Add(
            new(
                Vote,
                MajorityOf([
                    .. transforms.Select(t =>
                        t.Transform.WarpToMoving(crops[t.Atlas].Labels, image.Geometry)
                    ),
                ])
            )
        );
        segmentations.AddRange(networks.Select(network => network.Segment(image)));
        return segmentations;
    }

    SpatialTransform Align(int atlas, MovingImage moving) =>
        ImageRegistration
            .Register(_atlases[atlas % crops.Count].Image, moving, new RegistrationWorkspace())
            .Transform;

    /// <summary>An atlas whose field of view lies centred on the crop's.</summary>
    Volume<byte> Centred(int atlas, VolumeGeometry grid)
    {
        var labels = crops[atlas].Labels;
        var (from, to) = (Centre(labels.Geometry), Centre(grid));
        return Pull(
            labels,
            grid,
            AffineTransform.Translation(from.X - to.X, from.Y - to.Y, from.Z - to.Z)
        );
    }

    Volume<byte> WithoutWarp(int atlas, SpatialTransform transform, VolumeGeometry grid) =>
        Pull(crops[atlas].Labels, grid, transform.Affine.Inverse());

    static Volume<byte> Pull(Volume<byte> labels, VolumeGeometry grid, AffineTransform map)
    {
        var toIndex = AffineTransform
            .WorldToIndex(labels.Geometry)
            .After(map)
            .After(AffineTransform.IndexToWorld(grid));
        var (pulled, shape) = (new Volume<byte>(grid), labels.Geometry.Shape);
        for (var n = 0; n < pulled.Voxels.Length; n++)
        {
            var jk = n / grid.Shape.I;
            var (x, y, z) = toIndex.Apply(n % grid.Shape.I, jk % grid.Shape.J, jk / grid.Shape.J);
            int i = (int)Math.Round(x),
                j = (int)Math.Round(y),
                k = (int)Math.Round(z);
            if ((uint)i < (uint)shape.I && (uint)j < (uint)shape.J && (uint)k < (uint)shape.K)
            {
                pulled.Voxels[n] = labels[i, j, k];
            }
        }
        return pulled;
    }

    /// <summary>Foreground where most maps have some, and there the label most of those have.</summary>
    static Volume<byte> MajorityOf(IReadOnlyList<Volume<byte>> maps)
    {
        var vote = new Volume<byte>(maps[0].Geometry);
        for (var n = 0; n < vote.Voxels.Length; n++)
        {
            var anterior = maps.Count(map => map.Voxels[n] == 1);
            var posterior = maps.Count(map => map.Voxels[n] == 2);
            vote.Voxels[n] =
                2 * (anterior + posterior) <= maps.Count ? (byte)0
                : anterior >= posterior ? (byte)1
                : (byte)2;
        }
        return vote;
    }

    static (double X, double Y, double Z) Centre(VolumeGeometry grid) =>
        grid.ToWorld(0.5 * (grid.Shape.I - 1), 0.5 * (grid.Shape.J - 1), 0.5 * (grid.Shape.K - 1));
}
